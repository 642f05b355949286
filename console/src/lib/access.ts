import { Role } from "@/gen/fluxbase/controlplane/v1/organization_pb";

/** What a member may want to do. The server decides; the console shows beforehand what it will refuse, and why. */
export type Right = "manage_members" | "name_owners" | "create_projects" | "run_projects" | "manage_projects" | "manage_organization" | "delete_organization" | "read_audit";

const { OWNER, ADMIN, DEVELOPER, VIEWER } = Role;

const rights: Record<Right, { roles: Role[]; words: string }> = {
  manage_members: { roles: [OWNER, ADMIN], words: "invite and remove members" },
  name_owners: { roles: [OWNER], words: "name owners" },
  create_projects: { roles: [OWNER, ADMIN, DEVELOPER], words: "create projects" },
  run_projects: { roles: [OWNER, ADMIN, DEVELOPER], words: "use a project's keys and data" },
  manage_projects: { roles: [OWNER, ADMIN], words: "manage projects" },
  manage_organization: { roles: [OWNER, ADMIN], words: "change the organisation" },
  delete_organization: { roles: [OWNER], words: "delete the organisation" },
  read_audit: { roles: [OWNER, ADMIN, DEVELOPER, VIEWER], words: "read the audit log" },
};

const names: Record<Role, string> = {
  [Role.UNSPECIFIED]: "—",
  [OWNER]: "Owner",
  [ADMIN]: "Admin",
  [DEVELOPER]: "Developer",
  [Role.BILLING]: "Billing",
  [VIEWER]: "Viewer",
};

export const roleName = (role: Role): string => names[role] ?? "—";

export const roles: { role: Role; about: string }[] = [
  { role: OWNER, about: "everything, deletion of the organisation included" },
  { role: ADMIN, about: "members, projects, keys and settings" },
  { role: DEVELOPER, about: "projects' data and keys; creates projects" },
  { role: Role.BILLING, about: "plans, usage and invoices" },
  { role: VIEWER, about: "reads everything but secrets and projects' data" },
];

/** Why a member with this role may not do it, and who could; undefined when they may, or while the role is not known. */
export function refusal(role: Role | undefined, right: Right): string | undefined {
  const rule = rights[right];
  if (role === undefined || role === Role.UNSPECIFIED || rule.roles.includes(role)) return undefined;
  const who = rule.roles.map((each) => names[each].toLowerCase());
  const list = who.length > 1 ? `${who.slice(0, -1).join(", ")} or ${who.at(-1)}` : who[0];
  return `Your role is ${names[role].toLowerCase()}. To ${rule.words} takes the role ${list}.`;
}
