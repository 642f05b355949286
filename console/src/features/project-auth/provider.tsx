import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { SettingsForm } from "@/components/settings/form";
import { Sheet } from "@/components/ui/dialog";
import { CallbackUrl, titleOf } from "@/features/project-auth/providers";
import { useSettings, useSettingsRefusal } from "@/features/project-auth/settings-page";
import { groupsOf } from "@/lib/auth-pages";
import { useProject } from "@/lib/organization";

const route = getRouteApi("/app/projects/$ref/auth/providers/$provider");

/** The settings of one built-in provider, beside the list. */
export function ProviderSheet() {
  const { ref, provider } = route.useParams();
  const project = useProject(ref).data;
  const navigate = useNavigate();
  const refused = useSettingsRefusal(ref);
  const group = groupsOf("providers", useSettings(ref).data ?? []).find((each) => each.part === provider);
  const close = () => void navigate({ to: "/projects/$ref/auth/providers", params: { ref } });
  if (!group || !project) return null;
  return (
    <Sheet open onOpenChange={(open) => !open && close()} title={titleOf(group)} description={`In the app: signInWithOAuth({ provider: "${provider}" })`}>
      <div className="flex flex-col gap-6">
        <CallbackUrl url={`${project.url}/auth/v1/callback`} />
        <SettingsForm projectRef={ref} groups={[group]} refused={refused} bare />
      </div>
    </Sheet>
  );
}
