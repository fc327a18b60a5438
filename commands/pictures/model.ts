/** A dashboard as Grafana reads it: the parts of its JSON that the renderer draws. */

export interface Target {
  readonly refId: string;
  readonly datasource: { readonly type: string };
  readonly expr?: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
  readonly queryType?: string;
  readonly exemplar?: boolean;
  readonly maxLines?: number;
  /** Of a search for traces. */
  readonly service?: string;
  readonly limit?: number;
}

export interface Step {
  readonly color: string;
  readonly value: number | null;
}

export interface ValueMapping {
  readonly options: Readonly<Record<string, { readonly text: string; readonly color: string }>>;
}

export interface Override {
  readonly matcher: { readonly options: string };
  readonly properties: readonly { readonly id: string; readonly value: unknown }[];
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly maxDataPoints?: number;
  readonly interval?: string;
  readonly targets?: readonly Target[];
  readonly panels?: readonly Panel[];
  readonly collapsed?: boolean;
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit: string;
      readonly decimals?: number;
      readonly min?: number;
      readonly max?: number;
      readonly noValue?: string;
      readonly color?: { readonly mode: string; readonly fixedColor?: string };
      readonly thresholds?: { readonly steps: readonly Step[] };
      readonly mappings?: readonly ValueMapping[];
      readonly custom?: {
        readonly drawStyle?: string;
        readonly fillOpacity?: number;
        readonly stacking?: { readonly mode: string };
        readonly thresholdsStyle?: { readonly mode: string };
      };
    };
    readonly overrides: readonly Override[];
  };
  readonly options?: {
    readonly legend?: {
      readonly calcs?: readonly string[];
      readonly placement?: string;
      readonly displayMode?: string;
      readonly sortBy?: string;
      readonly sortDesc?: boolean;
    };
    readonly reduceOptions?: { readonly calcs: readonly string[] };
    readonly colorMode?: string;
    readonly graphMode?: string;
    readonly sortBy?: readonly { readonly displayName: string; readonly desc: boolean }[];
  };
  readonly transformations?: readonly {
    readonly id: string;
    readonly options: {
      readonly byField?: string;
      readonly include?: { readonly names: readonly string[] };
      readonly indexByName?: Readonly<Record<string, number>>;
    };
  }[];
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  /** Of a data source variable its type. */
  readonly query: string;
  readonly includeAll?: boolean;
  readonly allValue?: string;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: {
    readonly list: readonly { readonly name: string; readonly expr: string; readonly iconColor: string }[];
  };
}
