vcl 4.1;

backend service {
  .host = "127.0.0.1";
  .port = "3000";
  .first_byte_timeout = 60s;
}

# Each request is sent to the service once. On a reused connection that is lost,
# Varnish sends a request without a body again, although it may have been
# processed. It has one pool of connections for all methods.
sub vcl_backend_fetch {
  set bereq.http.Connection = "close";
}

sub vcl_backend_response {
  # An error holds for its own request. Without this a 404 is kept for two minutes.
  if (beresp.status >= 400) {
    set beresp.uncacheable = true;
    set beresp.ttl = 0s;
    return (deliver);
  }
}

# What Varnish answers itself.
sub vcl_backend_error {
  set beresp.status = 503;
  set beresp.reason = "Service Unavailable";
  set beresp.http.EB-REASON-PHRASE = beresp.reason;
  set beresp.http.Retry-After = "5";
  synthetic("");
  return (deliver);
}

# Ranges are the service's. Varnish answers an impossible one with 416, also
# after the service has processed the request.
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
