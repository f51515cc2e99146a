// Every measured process has the plugin's modules loaded, also where it has no use
// for them, as a service has modules of its own. Node 20 makes an emitter of its
// own kind for each ES module that it reads, and V8 compiles the making of requests
// and responses, which are emitters, for as many kinds as it saw: a process without
// those modules would take less for a request, and not for what the plugin does.
import '../dist/index.js'
