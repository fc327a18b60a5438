/** One thing that is wrong with settings: where (dotted path of the setting) and a sentence that says what to do. */
export interface Finding {
  readonly path: string;
  readonly message: string;
  /** Of the stack file, from 1.
   * @default not known */
  readonly line?: number;
}
