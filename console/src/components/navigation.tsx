import { useLocation, useParams } from "@tanstack/react-router";
import { Blocks, Building2, Database, FolderKanban, House, KeyRound, Layers, Lightbulb, Mail, ScrollText, Server, Settings, ShieldCheck, Table2, Terminal, UserRound, Users, type LucideIcon } from "lucide-react";
import { useApp } from "@/lib/app";
import { useAccount, useProject } from "@/lib/organization";

export interface Entry {
  name: string;
  href: string;
  icon: LucideIcon;
  /** Whether only this very path is the entry's own, and not what lies beneath it. */
  exact?: boolean;
  /** Pages of the entry, shown while one is open. */
  pages?: { name: string; href: string }[];
}

export interface Area {
  name: string;
  entries: Entry[];
}

/** Where the person is: the organisation, the project, and the area's pages. */
export function useArea() {
  const { slug, ref } = useParams({ strict: false }) as { slug?: string; ref?: string };
  const { pathname } = useLocation();
  const { config } = useApp();
  const account = useAccount();
  const project = useProject(ref ?? "", { enabled: Boolean(ref) });
  const organization = slug ?? project.data?.organization;
  return { slug: organization, ref, project: project.data, operator: account.data?.operator ?? false, area: areaOf() };

  function areaOf(): Area | undefined {
    if (ref) return projectArea(ref);
    if (slug) return organizationArea(slug);
    if (pathname.startsWith("/operator")) return operatorArea(config.dev);
    if (pathname.startsWith("/account")) return accountArea;
    return undefined;
  }
}

export function organizationArea(slug: string): Area {
  const base = `/orgs/${slug}`;
  return {
    name: "Organisation",
    entries: [
      { name: "Projects", href: `${base}/projects`, icon: FolderKanban },
      { name: "Members", href: `${base}/members`, icon: Users },
      { name: "Audit log", href: `${base}/audit`, icon: ScrollText },
      { name: "Settings", href: `${base}/settings`, icon: Settings },
    ],
  };
}

export function projectArea(ref: string): Area {
  const base = `/projects/${ref}`;
  return {
    name: "Project",
    entries: [
      { name: "Home", href: base, icon: House, exact: true },
      { name: "Table editor", href: `${base}/tables`, icon: Table2 },
      { name: "SQL editor", href: `${base}/sql`, icon: Terminal },
      { name: "Database", href: `${base}/database`, icon: Database, pages: databasePages.map(({ name, path }) => ({ name, href: `${base}/database/${path}` })) },
      { name: "Auth", href: `${base}/auth`, icon: ShieldCheck, pages: authPages.map(({ name, path }) => ({ name, href: `${base}/auth/${path}` })) },
      { name: "Advisors", href: `${base}/advisors`, icon: Lightbulb },
      { name: "API keys", href: `${base}/keys`, icon: KeyRound },
      { name: "Settings", href: `${base}/settings`, icon: Settings },
    ],
  };
}

/** The pages of a project's database. */
export const databasePages = [
  { name: "Tables", path: "tables" },
  { name: "Schema diagram", path: "diagram" },
  { name: "Policies", path: "policies" },
  { name: "Types", path: "types" },
  { name: "Functions", path: "functions" },
  { name: "Triggers", path: "triggers" },
  { name: "Indexes", path: "indexes" },
  { name: "Extensions", path: "extensions" },
  { name: "Roles and grants", path: "roles" },
  { name: "Migrations", path: "migrations" },
];

/** The pages of a project's auth, as the sidebar and the palette lead to them. */
export const authPages = [
  { name: "Users", path: "users" },
  { name: "Sign-in methods", path: "methods" },
  { name: "Providers", path: "providers" },
  { name: "Single sign-on", path: "sso" },
  { name: "Email", path: "email" },
  { name: "Templates", path: "templates" },
  { name: "SMS", path: "sms" },
  { name: "Sessions and tokens", path: "sessions" },
  { name: "Signing keys", path: "signing-keys" },
  { name: "Multi-factor", path: "mfa" },
  { name: "Protection", path: "protection" },
  { name: "Hooks", path: "hooks" },
  { name: "URLs", path: "urls" },
  { name: "Audit log", path: "audit" },
];

export function operatorArea(dev: boolean): Area {
  const entries: Entry[] = [
    { name: "Clusters", href: "/operator/clusters", icon: Server },
    { name: "Plans", href: "/operator/plans", icon: Layers },
    { name: "Audit log", href: "/operator/audit", icon: ScrollText },
  ];
  if (dev) entries.push({ name: "Mail inbox", href: "/operator/inbox", icon: Mail });
  return { name: "Operator", entries };
}

export const accountArea: Area = {
  name: "Account",
  entries: [
    { name: "Profile", href: "/account", icon: UserRound, exact: true },
    { name: "Access tokens", href: "/account/tokens", icon: KeyRound },
  ],
};

export const icons = { organization: Building2, project: Database, operator: Blocks };
