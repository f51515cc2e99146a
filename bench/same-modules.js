// Every measured process has the plugin's modules loaded, also where it has no use
// for them, as a service has modules of its own. Node 20 reads each by a file handle
// that is an emitter. The more emitters there were, the sooner V8 takes note of their
// kinds, and compiles the making of requests and responses, which are emitters too, for
// any: a process without those modules would take less for a request, and not for
// what the plugin does.
import '../dist/index.js'
