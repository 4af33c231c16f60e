const words = (text: string): ReadonlyArray<string> => text.split(" ")
const lines = (text: string): ReadonlyArray<string> => text.split("\n").map((line) => line.trim())

/** Names that are a way out where a look-up goes further than an object's own keys. */
export const HOSTILE_NAMES = [
  ...words("__proto__ constructor prototype toString valueOf hasOwnProperty toJSON then __defineGetter__"),
  ...words("__lookupGetter__ call apply bind caller arguments callee globalThis process require module"),
  ...words("import eval Function Object Reflect env context frame cb output runtime self this root lineno"),
  ...words("undefined missing __class__ __globals__ __init__ mro canary length at next reset loop")
]

/** What the variables are called. */
export const NAMES = words("a b s n xs rows row d deep big ünï x")

export const OPERATORS = [...words("+ - * / // % ** ~ ~ == != < <= > >= === !== and or in"), "not in"]

export const LITERALS = [
  ...words("0 1 2 3 7 -1 1.5 1000 4294967296 9007199254740991 10**99 10**10**10 true false none"),
  ...words(
    "'a' '' '__proto__' 'constructor' 'a.constructor.b' 'name' 'n' '\\u0041' '\\x41\\n' '😀' '\u202e'"
  ),
  ...words("'upper' 'odd' 'eq'"),
  '"b c"',
  "'{{ 1 }}'",
  `'${"long".repeat(50)}'`
]

export const SPACES = ["", " ", "\n", "\t", "  ", "\r\n", "\u00a0", "\u2028"]

/** Text between the tags. */
export const DATA = ["text ", "\n", "a\n  b\n", ...words("😀 <b>& ' \" ${1} \u0000 \ud800 } %} }}")]

/** Pieces that make no template in most orders. */
export const FRAGMENTS = [
  ...words(
    "{{ }} {% %} {# #} {%- -%} {{- -}} ( ) [ ] { } | . , ' \" \\ / = r/a/g r/(a+)+$/ is if in for elif"
  ),
  ...words("else endif endfor set endblock super() raw endraw verbatim endmacro endcall endfilter default"),
  ...lines(`block x
    include 'a'
    import 'a' as b
    from 'a' import b
    extends 'a'
    asyncEach a in b
    asyncAll a in b
    ifAsync a
    macro m()
    call m()
    filter upper
    switch a
    case 1
    endswitch`)
]

type Pair = readonly [open: string, close: string]

/** What an expression may stand in. */
export const BRACKETS: ReadonlyArray<Pair> = [
  ["(", ")"],
  ["[", "]"],
  ["{a: ", "} "],
  ["a[", "]"],
  ["range(", ")"],
  ["not ", ""],
  ["- ", ""],
  ["", "|trim"],
  ["", ".a"],
  ["", " + 1"]
]

/** What a block may stand in. */
export const BLOCKS: ReadonlyArray<Pair> = [
  ["{% if 1 %}", "{% endif %}"],
  ["{% for a in [1] %}", "{% endfor %}"],
  ["{% filter trim %}", "{% endfilter %}"],
  ["{% set a %}", "{% endset %}"]
]
