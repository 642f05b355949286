import { AuthApiError, isAuthRetryableFetchError, isAuthWeakPasswordError } from "@supabase/auth-js";

/** An answer of the auth service in the words of someone who signs in. */
export function inWords(error: unknown): Error {
  if (isAuthRetryableFetchError(error)) return new TypeError("unreachable");
  if (isAuthWeakPasswordError(error)) return new Error(error.message);
  if (error instanceof AuthApiError) {
    switch (error.code) {
      case "invalid_credentials":
        return new Error("Email or password is wrong. Check both and try again.");
      case "user_already_exists":
      case "email_exists":
        return new Error("There is an account with this email. Sign in instead.");
      case "signup_disabled":
        return new Error("This installation does not take new accounts. Ask its operator for one.");
      case "email_not_confirmed":
        return new Error("The email is not confirmed yet. Open the link in the mail that was sent to it.");
      case "over_request_rate_limit":
        return new Error("Too many attempts. Wait a minute, then try again.");
      case "same_password":
        return new Error("This is the present password. Choose another one.");
    }
  }
  return error instanceof Error ? error : new Error(String(error));
}
