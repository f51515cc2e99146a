vcl 4.1;

backend service {
  .host = "127.0.0.1";
  .port = "3000";
  .first_byte_timeout = 60s;
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

sub vcl_synth {
  if (resp.status >= 400) {
    set resp.http.EB-REASON-PHRASE = resp.reason;
  }
  synthetic("");
  return (deliver);
}
