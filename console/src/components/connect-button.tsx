import { useLocation, useNavigate } from "@tanstack/react-router";
import { Plug } from "lucide-react";
import { Button, type ButtonProps } from "@/components/ui/button";
import { ProjectStatus, type Project } from "@/gen/fluxbase/controlplane/v1/project_pb";

/** Opens the dialog that tells how to connect to the project, above whichever of its pages this is. */
export function ConnectButton({ way = "supabase-js", children = "Connect", ...rest }: Omit<ButtonProps, "onClick"> & { way?: string }) {
  const navigate = useNavigate();
  return (
    <Button {...rest} onClick={() => void navigate({ to: ".", search: (old: object) => ({ ...old, connect: way }), resetScroll: false } as never)}>
      <Plug aria-hidden /> {children}
    </Button>
  );
}

/** Beside the switchers, on every page of a project but its home, which has a larger one. */
export function ConnectAnywhere({ project }: { project: Project | undefined }) {
  const { pathname } = useLocation();
  if (project?.status !== ProjectStatus.ACTIVE || pathname.replace(/\/$/, "") === `/projects/${project.ref}`) return null;
  return <ConnectButton className="max-lg:hidden" />;
}
