import { useParams } from "@tanstack/react-router";
import { AuthSettingsPage } from "@/features/project-auth/settings-page";

/** The pages that are settings and nothing more. */
export function AnyAuthPage() {
  const { ref, page } = useParams({ from: "/app/projects/$ref/auth/$page" });
  return <AuthSettingsPage projectRef={ref} path={page} />;
}
