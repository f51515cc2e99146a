// Changes to the configurations in docs/proxies: a second server, and variants
// that change one setting to show its effect.
import { observeAnswer, observeCaching, observeDown, observeLostConnection, observeRawRequest } from './observations.js'
import { BAD_CHUNK, MISSING, NO_RANGE } from './requests.js'

/**
 * The edits that add a second server to the configuration of a proxy. Without max_fails=0, nginx does not use a failed server for
 * 10 s.
 */
export const SECOND_SERVER = {
  nginx: port => [['  server 127.0.0.1:3000;', `  server 127.0.0.1:3000 max_fails=0;\n  server 127.0.0.1:${port} max_fails=0;`]],
  haproxy: port => [['  server service 127.0.0.1:3000', `  server service 127.0.0.1:3000\n  server other 127.0.0.1:${port}`]],
  httpd: port => [['ProxyPass / http://127.0.0.1:3000/ nocanon', `<Proxy balancer://service>
  BalancerMember http://127.0.0.1:3000
  BalancerMember http://127.0.0.1:${port}
</Proxy>
ProxyPass / balancer://service/ nocanon`]],
  varnish: port => [
    ['vcl 4.1;', 'vcl 4.1;\nimport directors;'],
    ['sub vcl_backend_fetch {', `backend other {
  .host = "127.0.0.1";
  .port = "${port}";
}
sub vcl_init {
  new servers = directors.round_robin();
  servers.add_backend(service);
  servers.add_backend(other);
}
sub vcl_recv {
  set req.backend_hint = servers.backend();
}
sub vcl_backend_fetch {`]
  ]
}

const WITHOUT_RESPONSE = [/sub vcl_backend_response \{[^]*?\n\}\n/g, '']
const WITHOUT_NEXT_UPSTREAM = [/^ *proxy_next_upstream off;/gm, '']
const WITHOUT_LOCATION = [/^<Location \/>[^]*?^<\/Location>$/gm, '']
const H2C = ['http://127.0.0.1:3000/', 'h2c://127.0.0.1:3000/']
const UNBUFFERED = 'proxy_read_timeout 60s;\n    proxy_request_buffering off;'

/** The variants of each proxy. Each differs from docs/proxies in one setting, and `observe` describes the effect. */
export const VARIANTS = {
  nginx: [
    { name: 'without `error_page`', edits: [[/^ *error_page .*/gm, '']], observe: observeDown },
    { name: '`proxy_intercept_errors on`', edits: [['proxy_intercept_errors off', 'proxy_intercept_errors on']], observe: observeAnswer(MISSING) },
    { name: 'without `proxy_next_upstream off`', edits: [WITHOUT_NEXT_UPSTREAM], observe: observeLostConnection('HTTP/1.1', 'DELETE') },
    { name: '`proxy_request_buffering off`', edits: [['proxy_read_timeout 60s;', UNBUFFERED]], observe: observeRawRequest(BAD_CHUNK) },
    { name: 'the same, and `error_page` within `location /`', edits: [['proxy_read_timeout 60s;', `${UNBUFFERED}\n    error_page 400 408 413 500 502 503 504 =503 /.away;`]], observe: observeRawRequest(BAD_CHUNK) }
  ],
  haproxy: [
    { name: 'without `http-error`', edits: [[/^ *http-(error|after-response) .*/gm, '']], observe: observeDown },
    { name: 'without the hop', edits: [['default_backend to-hop', 'default_backend service']], observe: observeLostConnection('HTTP/2', 'POST') },
    { name: 'without `txn.sent`', edits: [[/^ *http-request set-var\(txn.sent\).*/gm, '']], observe: observeRawRequest(BAD_CHUNK) },
    { name: 'HTTP/2 to the service (`proto h2`)', http2: true, edits: [['service 127.0.0.1:3000', 'service 127.0.0.1:3000 proto h2']], observe: observeAnswer(MISSING) }
  ],
  httpd: [
    { name: 'without `ErrorDocument`', edits: [[/^ErrorDocument .*/gm, '']], observe: observeDown },
    { name: '`ProxyErrorOverride On`', edits: [['ProxyErrorOverride Off', 'ProxyErrorOverride On']], observe: observeAnswer(MISSING) },
    { name: '`KeepAlive Off`', edits: [['Protocols h2', 'KeepAlive Off\nProtocols h2']], observe: observeLostConnection('HTTP/1.1', 'POST') },
    { name: 'without `<Location />`', edits: [WITHOUT_LOCATION], observe: observeRawRequest(BAD_CHUNK) },
    { name: 'the same', edits: [WITHOUT_LOCATION], observe: observeRawRequest(NO_RANGE) },
    { name: 'HTTP/2 to the service (`h2c://`)', http2: true, edits: [H2C], observe: observeAnswer(MISSING) },
    { name: 'the same', http2: true, edits: [H2C], observe: observeLostConnection('HTTP/1.1', 'DELETE') }
  ],
  varnish: [
    { name: 'without `vcl_backend_response`', edits: [WITHOUT_RESPONSE], observe: observeCaching },
    { name: 'the same, and `cache-control: no-store` from the service', edits: [WITHOUT_RESPONSE], noStore: true, observe: observeCaching },
    { name: 'without `vcl_backend_fetch`', edits: [[/sub vcl_backend_fetch \{[^]*?\n\}\n/g, '']], observe: observeLostConnection('HTTP/1.1', 'DELETE') },
    { name: 'without `vcl_deliver`', edits: [[/sub vcl_deliver \{[^]*?\n\}\n/g, '']], observe: observeRawRequest(NO_RANGE) },
    { name: 'without `vcl_backend_error`', edits: [[/sub vcl_backend_error \{[^]*?\n\}\n/g, '']], observe: observeDown }
  ]
}
