// npm run build:page writes this file. Do not edit it: edit page/.

/** The code of page/, with the client, as a script for browsers. `HEADERS` must be declared in front of it. */
export const PAGE_SCRIPT = `(() => {
  // lib/signature/signature-base.ts
  var ALGORITHM = "hmac-sha256";
  function getComponentValue(request, { name, parameters }) {
    if (!name.startsWith("@")) return request.field(name, parameters);
    if (name === "@query-param") {
      const parameter = parameters.get("name")?.value;
      return typeof parameter === "string" && parameters.size === 1 ? request.queryParameter?.(parameter) : void 0;
    }
    if (parameters.size > 0) return void 0;
    switch (name) {
      case "@method":
        return request.method;
      case "@target-uri":
        return \`\${request.scheme}://\${request.authority}\${getPath(request)}\${parseTarget(request.target).query}\`;
      case "@authority":
        return request.authority;
      case "@scheme":
        return request.scheme;
      case "@request-target":
        return request.target;
      case "@path":
        return getPath(request);
      case "@query":
        return parseTarget(request.target).query || "?";
    }
  }
  function getPath({ target }) {
    return parseTarget(target).path || "/";
  }
  var TARGET = /^(?:https?:\\/\\/[^/?#]*(?=\\/|$))?([^?]*)(.*)$/is;
  function parseTarget(target) {
    const [, path, query] = TARGET.exec(target);
    return { path, query };
  }

  // client/invalid-argument.ts
  function throwInvalidArgument(rule) {
    throw new TypeError(\`fastify-reason-phrase: \${rule}\`);
  }

  // client/signer.ts
  var PRINTABLE_ASCII = /^[ -~]+$/;
  var DIGEST_FIELD = "content-digest";
  var KEY_FIELD = "idempotency-key";
  var NO_PARAMETERS = /* @__PURE__ */ new Map();
  var HMAC_SHA256 = { name: "HMAC", hash: "SHA-256" };
  function createFieldSigner(key, { components = [] } = {}) {
    return createSigner(key, [...components, KEY_FIELD], getComponent);
  }
  var getComponent = (request, name) => getComponentValue(request, { name, parameters: NO_PARAMETERS, identifier: \`"\${name}"\` });
  function createSigner({ id, secret }, components, getValue) {
    const encoder = new TextEncoder();
    const secretBytes = typeof secret === "string" ? encoder.encode(secret) : secret;
    if (typeof id !== "string" || !PRINTABLE_ASCII.test(id) || !ArrayBuffer.isView(secretBytes) || !secretBytes.byteLength) {
      throwInvalidArgument("key must have an id of printable ASCII, and a secret that is not empty");
    }
    const { subtle } = crypto;
    if (!subtle) throwInvalidArgument("signing needs WebCrypto, which browsers have only on https and on localhost");
    const imported = subtle.importKey("raw", secretBytes, HMAC_SHA256, false, ["sign"]);
    const keyParameters = \`;keyid="\${id.replace(/["\\\\]/g, "\\\\$&")}";alg="\${ALGORITHM}"\`;
    return async function sign(request, body) {
      const fields = {};
      const { path, query } = parseTarget(request.target);
      const names = ["@method", "@path", "@query"];
      let identifiers = '"@method" "@path" "@query"';
      let base = \`"@method": \${request.method}
"@path": \${path || "/"}
"@query": \${query || "?"}
\`;
      const cover = (name, value) => {
        names.push(name);
        identifiers += \` "\${name}"\`;
        base += \`"\${name}": \${value}
\`;
      };
      if (body.byteLength > 0) {
        fields[DIGEST_FIELD] = \`sha-256=:\${encodeBase64(await subtle.digest("SHA-256", body))}:\`;
        cover(DIGEST_FIELD, fields[DIGEST_FIELD]);
      }
      for (const name of components) {
        if (names.includes(name)) continue;
        const value = getValue(request, name);
        if (value !== void 0) cover(name, value);
        else if (name[0] === "@") throwInvalidArgument(\`components contains "\${name}", which no request has\`);
      }
      const parameters = \`(\${identifiers});created=\${Math.floor(Date.now() / 1e3)};nonce="\${createNonce()}"\${keyParameters}\`;
      base += \`"@signature-params": \${parameters}\`;
      const utf8 = encoder.encode(base);
      const bytes = utf8.length === base.length ? utf8 : Uint8Array.from(base, (character) => character.charCodeAt(0));
      fields["signature-input"] = \`sig1=\${parameters}\`;
      fields.signature = \`sig1=:\${encodeBase64(await subtle.sign("HMAC", await imported, bytes))}:\`;
      return fields;
    };
  }
  function signer(key, options) {
    const sign = createFieldSigner(key, options);
    return async (request) => await signInPlace(request.clone(), sign);
  }
  async function signInPlace(request, sign) {
    const body = request.body === null ? new Uint8Array() : await request.clone().arrayBuffer();
    const fields = await sign(toSignableRequest(request), body);
    for (const name in fields) request.headers.set(name, fields[name]);
    return request;
  }
  function toSignableRequest({ method, url, headers }) {
    const { protocol, host, pathname, search } = new URL(url);
    return {
      method,
      scheme: protocol.slice(0, -1),
      authority: host,
      target: pathname + search,
      field: (name) => headers.get(name) ?? void 0
    };
  }
  var nextNonces = "";
  function createNonce() {
    nextNonces ||= encodeBase64(crypto.getRandomValues(new Uint8Array(1056)).buffer).replaceAll("+", "-").replaceAll("/", "_");
    const nonce = nextNonces.slice(0, 22);
    nextNonces = nextNonces.slice(22);
    return nonce;
  }
  function encodeBase64(bytes) {
    return btoa(Reflect.apply(String.fromCharCode, null, new Uint8Array(bytes)));
  }

  // page/sign-request.ts
  var SIGNED_FIELDS = ["content-digest", "signature-input", "signature"];
  async function signRequest(request, sign) {
    const headers = new Headers(request.headers);
    if (request.body instanceof FormData) headers.delete("content-type");
    const signed = await sign(new Request(request.url, { ...request, headers }));
    for (const name of SIGNED_FIELDS) {
      const value = signed.headers.get(name);
      if (value !== null) request.headers = { ...request.headers, [name]: value };
    }
    request.userFetch = () => fetch(signed);
    return request;
  }

  // page/key-ring.ts
  var SIGNATURE_FIELD = "signature";
  var KeyRing = class {
    #key;
    /**
     * Replaces the key.
     *
     * @throws {TypeError} if the key is invalid, or if the browser has no WebCrypto on this page
     */
    set(key) {
      this.#key = { id: key.id, sign: signer(key) };
    }
    /** Forgets the key. */
    clear() {
      this.#key = void 0;
    }
    /** Signs a request that Swagger UI marked with the id of the key. Other requests stay as they are. */
    async sign(request) {
      const mark = Object.entries(request.headers ?? {}).find(([name]) => name.toLowerCase() === SIGNATURE_FIELD);
      if (mark === void 0 || this.#key === void 0 || mark[1] !== this.#key.id) return request;
      delete request.headers[mark[0]];
      return await signRequest(request, this.#key.sign);
    }
  };

  // page/security-scheme.ts
  function isSignatureScheme(scheme) {
    const { type, in: place, name } = scheme && "toJS" in scheme ? scheme.toJS() : scheme ?? {};
    return type === "apiKey" && place === "header" && name?.toLowerCase() === SIGNATURE_FIELD;
  }

  // page/authorization.ts
  function wrapAuthorization(keyRing) {
    return {
      authorize: (authorize, { errActions }) => (authorizations) => {
        const accepted = {};
        for (const [name, authorization] of Object.entries(authorizations)) {
          if (!isSignatureScheme(authorization.schema)) {
            accepted[name] = authorization;
            continue;
          }
          const key = authorization.value;
          errActions.clear({ authId: name, source: "auth" });
          try {
            keyRing.set(key);
            accepted[name] = { ...authorization, value: key.id };
          } catch (error) {
            const message = error.message.replace("fastify-reason-phrase: ", "");
            errActions.newAuthErr({ authId: name, source: "auth", level: "warning", message });
          }
        }
        if (Object.keys(accepted).length > 0) authorize(accepted);
      },
      logout: (logout, { authSelectors }) => (names) => {
        const authorized = authSelectors.authorized();
        if (names.some((name) => isSignatureScheme(authorized.getIn([name, "schema"])))) keyRing.clear();
        logout(names);
      },
      // With \`persistAuthorization\`, Swagger UI restores what an earlier page saved: the id of a key, but not its secret.
      restoreAuthorization: (restore) => ({ authorized }) => {
        const others = Object.entries(authorized).filter(([, { schema }]) => !isSignatureScheme(schema));
        restore({ authorized: Object.fromEntries(others) });
      }
    };
  }

  // client/outcome.ts
  function outcomeOf({ status, statusText, headers }, { header = "EB-REASON-PHRASE", requestIdHeader = "x-request-id" } = {}) {
    const reason = headers.get(header) || statusText || \`HTTP status \${status}\`;
    const requestId = headers.get(requestIdHeader);
    return { outcome: toOutcome(status), status, reason, ...parseRetryAfter(headers.get("retry-after") ?? ""), ...requestId && { requestId } };
  }
  function toOutcome(status) {
    if (status >= 200 && status < 300) return "success";
    return status >= 400 && status < 500 ? "rejected" : "unknown";
  }
  var SECONDS_PATTERN = /^\\d{1,15}$/;
  var DATE_PATTERN = /^\\w+, \\d\\d(?: \\w+ \\d{4}|-\\w+-\\d\\d) \\d\\d:\\d\\d:\\d\\d GMT$|^\\w+ \\w+ [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\d{4}$/;
  function parseRetryAfter(value) {
    if (SECONDS_PATTERN.test(value)) return { retryAfter: Number(value) };
    const time = DATE_PATTERN.test(value) ? Date.parse(value.endsWith("GMT") ? value : \`\${value} GMT\`) : NaN;
    return Number.isNaN(time) ? {} : { retryAfter: Math.max(0, Math.ceil((time - Date.now()) / 1e3)) };
  }

  // page/error-reason.ts
  var MEANINGS = {
    success: void 0,
    rejected: "The request was rejected. It did nothing.",
    unknown: "The operation may or may not have happened. Do not treat it as failed."
  };
  function describeError(response, names) {
    const status = response.get("status");
    if (!(status >= 400)) return void 0;
    const fields = response.get("headers").toJS();
    const headers = {
      // Swagger UI splits a value at commas, so its parts are joined again.
      get: (name) => [fields[name.toLowerCase()] ?? []].flat().join(", ") || null
    };
    const { outcome, reason, retryAfter, requestId } = outcomeOf({ status, statusText: response.get("statusText"), headers }, names);
    const retry = retryAfter === void 0 ? void 0 : \`Retry after \${retryAfter} s.\`;
    const id = requestId === void 0 ? void 0 : \`Request id: \${requestId}\`;
    return { reason, notes: [MEANINGS[outcome], retry, id].filter((note) => note !== void 0) };
  }
  function createErrorReason({ createElement: h }, { reason, notes }) {
    return function ErrorReason() {
      return h(
        "div",
        { className: "error-reason" },
        h("h5", null, "Reason"),
        h("p", { className: "error-reason-text" }, reason),
        notes.map((note) => h("p", { key: note }, note))
      );
    };
  }

  // page/key-form.ts
  var PROMISE = "The secret stays in the memory of this page, which signs each request in your browser. The page neither sends nor stores it. Reload the page to forget it.";
  function createKeyForm({ createElement: h, useState }) {
    function Fields({ name, schema, onChange }) {
      const [key, setKey] = useState({ id: "", secret: "" });
      const field = (part, label, attributes) => {
        const update = ({ target }) => {
          const value = { ...key, [part]: target.value };
          setKey(value);
          onChange({ name, schema, value });
        };
        const input = h("input", { value: key[part], onChange: update, required: true, autoComplete: "off", spellCheck: false, ...attributes });
        return h("div", { className: "wrapper" }, h("label", null, label, h("section", null, input)));
      };
      return h("div", null, field("id", "Key id:", { type: "text", autoFocus: true }), field("secret", "Secret:", { type: "password" }));
    }
    return function KeyForm(props) {
      const { name, schema, authorized, errSelectors, getComponent: getComponent2 } = props;
      const AuthError = getComponent2("authError");
      const Markdown = getComponent2("Markdown", true);
      const id = authorized?.getIn([name, "value"]);
      const errors = errSelectors.allErrors().filter((error) => error.get("authId") === name).valueSeq().toArray();
      return h(
        "div",
        null,
        h("h4", null, h("code", null, name), " (signed requests)"),
        id !== void 0 && h("h6", null, "Authorized"),
        h("div", { className: "wrapper" }, h(Markdown, { source: schema.get("description") })),
        id === void 0 ? h(Fields, props) : h("div", { className: "wrapper" }, h("p", null, "Key id: ", h("code", null, id))),
        h("div", { className: "wrapper" }, h("p", null, PROMISE)),
        errors.map((error, key) => h(AuthError, { error, key }))
      );
    };
  }

  // page/plugin.ts
  function createPlugin(keyRing, headers) {
    return () => ({
      statePlugins: { auth: { wrapActions: wrapAuthorization(keyRing) } },
      wrapComponents: {
        apiKeyAuth(ApiKeyForm, { React }) {
          const KeyForm = createKeyForm(React);
          return (props) => React.createElement(isSignatureScheme(props.schema) ? KeyForm : ApiKeyForm, props);
        },
        liveResponse(LiveResponse, { React }) {
          return (props) => {
            const error = describeError(props.response, headers);
            if (error === void 0) return React.createElement(LiveResponse, props);
            const ErrorReason = createErrorReason(React, error);
            const getComponent2 = (name, ...rest) => name === "Markdown" ? ErrorReason : props.getComponent(name, ...rest);
            return React.createElement(LiveResponse, { ...props, getComponent: getComponent2 });
          };
        }
      }
    });
  }

  // page/extend-swagger-ui.ts
  function extendSwaggerUi(headers) {
    const page = globalThis;
    const create = page.SwaggerUIBundle;
    const keyRing = new KeyRing();
    page.SwaggerUIBundle = Object.assign(({ plugins = [], requestInterceptor, ...configuration }) => create({
      ...configuration,
      plugins: [...plugins, createPlugin(keyRing, headers)],
      // The signature comes last, because it covers what your own interceptor changes.
      requestInterceptor: async (request) => await keyRing.sign(await requestInterceptor?.(request) ?? request)
    }), create);
  }

  // page/index.ts
  extendSwaggerUi(HEADERS);
})();
`
