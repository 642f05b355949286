import { useNavigate } from "@tanstack/react-router";
import { Plug } from "lucide-react";
import { Button, type ButtonProps } from "@/components/ui/button";

/** Opens the dialog that tells how to connect to the project, above whichever of its pages this is. */
export function ConnectButton({ way = "supabase-js", children = "Connect", ...rest }: Omit<ButtonProps, "onClick"> & { way?: string }) {
  const navigate = useNavigate();
  return (
    <Button {...rest} onClick={() => void navigate({ to: ".", search: (old: object) => ({ ...old, connect: way }), resetScroll: false } as never)}>
      <Plug aria-hidden /> {children}
    </Button>
  );
}
