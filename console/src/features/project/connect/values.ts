import type { Login } from "@/features/project/connect/database";

/** The project's real values, as the snippets need them. */
export interface Values {
  url: string;
  /** A publishable key. */
  key: string;
  /** A table of the project, or one that the examples make. */
  table: string;
  /** Only of projects with a database of their own, and for who may know it. */
  login?: Login;
}

export interface File {
  name: string;
  language: string;
  code: string;
}

/** One way to connect. */
export interface Way {
  id: string;
  name: string;
  group: Group;
  /** What to do with the files, in a sentence or two. */
  about: string;
  files: File[];
  /** Whether the database's password is in it. */
  secret?: boolean;
}

export const groups = ["App frameworks", "Libraries and HTTP", "Database", "ORMs"] as const;
export type Group = (typeof groups)[number];

/** A text as JavaScript and Go write it. */
export const quoted = (text: string): string => JSON.stringify(text);

export const shell = (code: string): File => ({ name: "Shell", language: "sh", code });
