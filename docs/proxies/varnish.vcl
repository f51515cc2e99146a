vcl 4.1;

backend service {
  .host = "127.0.0.1";
  .port = "3000";
  .first_byte_timeout = 60s;
}

# Open a connection for each request. If a reused connection is lost, Varnish
# retries a request without a body, although it may have been processed. All
# methods share one connection pool, so connections cannot be reused at all.
sub vcl_backend_fetch {
  set bereq.http.Connection = "close";
}

sub vcl_backend_response {
  # Do not cache errors. By default, Varnish caches a 404 for two minutes.
  if (beresp.status >= 400) {
    set beresp.uncacheable = true;
    set beresp.ttl = 0s;
    return (deliver);
  }
}

# The errors that Varnish sends itself.
sub vcl_backend_error {
  set beresp.status = 503;
  set beresp.reason = "Service Unavailable";
  set beresp.http.EB-REASON-PHRASE = beresp.reason;
  set beresp.http.Retry-After = "5";
  synthetic("");
  return (deliver);
}

# Leave range requests to the service. Otherwise Varnish sends a 416 for an
# unsatisfiable range, even after the service has processed the request.
sub vcl_deliver {
  unset req.http.Range;
}

sub vcl_synth {
  if (resp.status >= 400) {
    set resp.http.EB-REASON-PHRASE = resp.reason;
  }
  synthetic("");
  return (deliver);
}
