import { getRouteApi, Link } from "@tanstack/react-router";
import { AuthFrame } from "@/features/auth/frame";

const route = getRouteApi("/confirmed");

/** After a link that signed nobody in: it was opened in another browser, or was not good any more. */
export function ConfirmedPage() {
  const { code, error_description: wrong } = route.useSearch();
  const signIn = (
    <Link to="/sign-in" className="text-accent underline underline-offset-2">
      Sign in
    </Link>
  );
  if (wrong || !code) {
    return (
      <AuthFrame title="The link does not work" below={signIn}>
        <p className="text-sm text-muted">It was used already, or is too old. If you confirmed before, sign in; otherwise sign up again to get another mail.</p>
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title="Your email is confirmed" below="You can close the page where you signed up.">
      <p className="text-sm text-muted">{signIn} to go on.</p>
    </AuthFrame>
  );
}
