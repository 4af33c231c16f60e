/** What the benchmark compares with; the service itself never loads it. */
declare module "nunjucks" {
  export interface Template {
    render(variables: object): string
  }
  const nunjucks: {
    readonly Environment: new (loaders: null, options: { readonly autoescape: boolean }) => object
    readonly compile: (source: string, environment: object) => Template
  }
  export default nunjucks
}
