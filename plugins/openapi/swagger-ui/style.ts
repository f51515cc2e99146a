/** The style of an error on the page. It uses the colors of Swagger UI for failures, which work in dark mode too. */
export const PAGE_STYLE = `.swagger-ui .error-reason {
  border-left: 4px solid #f93e3e;
  background: rgba(249, 62, 62, .1);
  margin: 0 0 20px;
  padding: 10px 15px;
}
.swagger-ui .error-reason h5 {
  margin: 0 0 5px;
}
.swagger-ui .error-reason p {
  margin: 0;
  font-size: 14px;
}
.swagger-ui .error-reason .error-reason-text {
  margin-bottom: 5px;
  font-size: 16px;
  font-weight: 700;
  overflow-wrap: anywhere;
}
`
