import { labelOf } from "@/lib/settings";
import type { Setting } from "@/gen/fluxbase/controlplane/v1/project_pb";

/** Which settings of auth stand where. What they are, the server says. */
interface GroupPlan {
  title: string;
  about?: string;
  /** What the settings' keys begin with. The longest beginning of all pages that fits a setting decides. */
  keys: string[];
  /** Whether each next part of the keys makes a group of its own. */
  split?: boolean;
}

export interface PagePlan {
  path: string;
  title: string;
  about: string;
  groups: GroupPlan[];
}

export const pages: PagePlan[] = [
  {
    path: "methods",
    title: "Sign-in methods",
    about: "How people sign up and in. Providers, single sign-on and second factors have pages of their own.",
    groups: [
      { title: "Accounts", keys: ["auth.disable_signup", "auth.manual_linking"] },
      { title: "Email", keys: ["auth.email.", "auth.autoconfirm"] },
      { title: "Phone", about: "Messages take a provider, named under SMS, or the hook send_sms.", keys: ["auth.phone."] },
      { title: "Anonymous users", keys: ["auth.anonymous."] },
      { title: "Passkeys", about: "The relying party also counts for security keys as second factors.", keys: ["auth.passkey.", "auth.webauthn."] },
      { title: "Wallets", keys: ["auth.web3."] },
      { title: "Provider for other apps", about: "This project's users sign in to other apps by OAuth 2.1 and OpenID Connect.", keys: ["auth.oauth_server."] },
      { title: "More", keys: ["auth."] },
    ],
  },
  { path: "providers", title: "Providers", about: "Where people have accounts already.", groups: [{ title: "Built in", keys: ["auth.external."], split: true }] },
  { path: "sso", title: "Single sign-on", about: "Companies' own identity providers, by SAML 2.0.", groups: [{ title: "SAML", keys: ["auth.saml."] }] },
  {
    path: "email",
    title: "Email",
    about: "The mail server that sends this project's mails.",
    groups: [{ title: "Mail server", about: "Without one, mails go through the platform's server, if the installation has one.", keys: ["auth.smtp."] }],
  },
  {
    path: "templates",
    title: "Templates",
    about: "What the mails say.",
    groups: [
      { title: "Mails with a link or code", keys: ["auth.email.template."], split: true },
      { title: "Notices", keys: ["auth.email.notice."], split: true },
    ],
  },
  {
    path: "sms",
    title: "SMS",
    about: "Who sends text messages. Only the chosen provider's part is used.",
    groups: [
      { title: "Messages", keys: ["auth.sms.provider", "auth.sms.template"] },
      { title: "Provider", keys: ["auth.sms."], split: true },
    ],
  },
  {
    path: "sessions",
    title: "Sessions and tokens",
    about: "How long people stay signed in.",
    groups: [
      { title: "Tokens", keys: ["auth.jwt", "auth.refresh_token"] },
      { title: "Sessions", keys: ["auth.session"] },
    ],
  },
  {
    path: "mfa",
    title: "Multi-factor",
    about: "What people prove beside their password.",
    groups: [
      { title: "All factors", keys: ["auth.mfa.max", "auth.mfa.challenge"] },
      { title: "Factor", keys: ["auth.mfa."], split: true },
    ],
  },
  {
    path: "protection",
    title: "Protection",
    about: "What keeps guessers and bots out. Limits count per address, behind the proxies that the installation trusts.",
    groups: [
      { title: "Passwords", keys: ["auth.password"] },
      { title: "CAPTCHA", about: "The app shows the widget, and sends its answer along.", keys: ["auth.captcha."] },
      { title: "Rate limits", keys: ["auth.rate_limit."] },
      { title: "Audit", keys: ["auth.audit_log"] },
    ],
  },
  {
    path: "hooks",
    title: "Hooks",
    about: "Your own code, asked at turning points: a Postgres function, or a web address that gets signed requests.",
    groups: [{ title: "Hook", keys: ["auth.hook."], split: true }],
  },
  {
    path: "urls",
    title: "URLs",
    about: "Where links in mails and sign-ins may lead. Anywhere else is refused, and leads to the site.",
    groups: [{ title: "Addresses", keys: ["auth.site_url", "auth.redirect_urls"] }],
  },
];

export interface PlacedGroup {
  /** The part of the keys that the group is of; empty where groups are not split. */
  part: string;
  title: string;
  about?: string;
  prefix?: string;
  settings: Setting[];
}

/** The plan that a setting belongs to: by the longest beginning that fits. */
function planOf(key: string): { page: PagePlan; group: GroupPlan; prefix: string } | undefined {
  let best: { page: PagePlan; group: GroupPlan; prefix: string } | undefined;
  for (const page of pages) {
    for (const group of page.groups) {
      for (const prefix of group.keys) {
        if (key.startsWith(prefix) && prefix.length > (best?.prefix.length ?? 0)) best = { page, group, prefix };
      }
    }
  }
  return best;
}

/** The page where a setting stands. */
export const pageOf = (key: string): PagePlan | undefined => planOf(key)?.page;

/** A page's groups with the settings that the server knows. "enabled" comes first, as it decides of the rest. */
export function groupsOf(path: string, settings: Setting[]): PlacedGroup[] {
  const out = new Map<string, PlacedGroup & { rank: number }>();
  for (const setting of settings) {
    const plan = planOf(setting.key);
    if (plan?.page.path !== path) continue;
    const { group } = plan;
    const part = group.split ? setting.key.slice(plan.prefix.length).split(".", 1)[0]! : "";
    const id = `${group.title}/${part}`;
    const known = out.get(id);
    if (known) known.settings.push(setting);
    else {
      const first = group.keys[0]!;
      const prefix = part ? `${plan.prefix}${part}.` : first.slice(0, first.lastIndexOf(".") + 1);
      out.set(id, { part, title: part ? labelOf(part, "") : group.title, about: part ? undefined : group.about, prefix, settings: [setting], rank: plan.page.groups.indexOf(group) });
    }
  }
  const placed = [...out.values()].toSorted((a, b) => a.rank - b.rank);
  for (const group of placed) group.settings = group.settings.toSorted((a, b) => order(a) - order(b));
  return placed;
}

/** As one fills it in: whether, where, as whom, by which secret; then the rest. */
const ranks = [/\.(enabled|provider)$/, /\.(host|url|uri|client_id|account_sid|api_key|rp_id)$/, /\.(port|tls)$/, /\.user$/, /\.(secrets?|password|auth_token|api_secret|access_key)$/];
const order = (setting: Setting): number => {
  const rank = ranks.findIndex((each) => each.test(setting.key));
  return rank < 0 ? ranks.length : rank;
};

/** A mail that a project can reword. */
export interface Template {
  kind: "template" | "notice";
  name: string;
  title: string;
  /** When it is sent. */
  use: string;
  subject: Setting;
  content: Setting;
  /** Of notices: whether they are sent. */
  enabled?: Setting;
}

export function templatesOf(settings: Setting[], kind: Template["kind"]): Template[] {
  const prefix = `auth.email.${kind}.`;
  const byKey = new Map(settings.map((setting) => [setting.key, setting]));
  return settings.flatMap((subject) => {
    const name = subject.key.startsWith(prefix) && subject.key.endsWith(".subject") ? subject.key.slice(prefix.length, -".subject".length) : "";
    const content = byKey.get(`${prefix}${name}.content`);
    if (!name || !content) return [];
    const use = subject.description.replace(/^Subject of the mail\. /, "");
    return [{ kind, name, title: labelOf(name), use, subject, content, enabled: byKey.get(`${prefix}${name}.enabled`) }];
  });
}
