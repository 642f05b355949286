/** What is known of a project that tells how far its makers are. Undefined is not known yet. */
export interface State {
  tables: number;
  /** Tables of the project whose row level security is off. */
  open: number;
  requests: boolean;
  users: boolean;
  files: boolean;
  /** Whether an app, with a publishable key, has asked for something. */
  app: boolean;
}

export interface Step {
  id: string;
  name: string;
  about: string;
  done: boolean;
}

/** The first things that a project needs, ticked off by what it is. */
export function stepsOf(state: State): Step[] {
  return [
    {
      id: "table",
      name: "Create a table",
      about: "Tables hold what the app knows. Each is an API at once.",
      done: state.tables > 0,
    },
    {
      id: "rls",
      name: "Turn on row level security",
      about: state.open > 0 ? `${state.open === 1 ? "A table has" : `${state.open} tables have`} it off: whoever holds a grant reads all of it.` : "Policies say which rows a user sees. Without it, a grant shows all of them.",
      done: state.tables > 0 && state.open === 0,
    },
    { id: "request", name: "Make a first request", about: "One line of curl reads rows over HTTP.", done: state.requests },
    { id: "app", name: "Connect an app", about: "With supabase-js and the publishable key, in the framework of your choice.", done: state.app },
    { id: "user", name: "Add a user", about: "People sign up by email, phone or a provider; or you create them.", done: state.users },
    { id: "file", name: "Upload a file", about: "Buckets hold files, with policies as tables have.", done: state.files },
  ];
}
