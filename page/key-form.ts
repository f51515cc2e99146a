/** What Swagger UI passes to the form of a security scheme. */
type FormProps = Record<string, any>

const PROMISE = 'The secret stays in the memory of this page, which signs each request in your browser. ' +
  'The page neither sends nor stores it. Reload the page to forget it.'

/** Returns the form for the id and the secret of a key, as a component of React. */
export function createKeyForm ({ createElement: h, useState }: any): (props: FormProps) => object {
  /** The fields. They are a component, so that they are empty again after a logout. */
  function Fields ({ name, schema, onChange }: FormProps): object {
    const [key, setKey] = useState({ id: '', secret: '' })
    const field = (part: 'id' | 'secret', label: string, attributes: object): object => {
      const update = ({ target }: { target: { value: string } }): void => {
        const value = { ...key, [part]: target.value }
        setKey(value)
        onChange({ name, schema, value })
      }
      const input = h('input', { value: key[part], onChange: update, required: true, autoComplete: 'off', spellCheck: false, ...attributes })
      return h('div', { className: 'wrapper' }, h('label', null, label, h('section', null, input)))
    }
    return h('div', null, field('id', 'Key id:', { type: 'text', autoFocus: true }), field('secret', 'Secret:', { type: 'password' }))
  }

  return function KeyForm (props) {
    const { name, schema, authorized, errSelectors, getComponent } = props
    const AuthError = getComponent('authError')
    const Markdown = getComponent('Markdown', true)
    const id = authorized?.getIn([name, 'value'])
    const errors = errSelectors.allErrors().filter((error: any) => error.get('authId') === name).valueSeq().toArray()
    return h('div', null,
      h('h4', null, h('code', null, name), ' (signed requests)'),
      id !== undefined && h('h6', null, 'Authorized'),
      h('div', { className: 'wrapper' }, h(Markdown, { source: schema.get('description') })),
      id === undefined ? h(Fields, props) : h('div', { className: 'wrapper' }, h('p', null, 'Key id: ', h('code', null, id))),
      h('div', { className: 'wrapper' }, h('p', null, PROMISE)),
      errors.map((error: object, key: number) => h(AuthError, { error, key })))
  }
}
