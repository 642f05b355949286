import { cva, type VariantProps } from "class-variance-authority";
import { LoaderCircle } from "lucide-react";
import { Slot } from "radix-ui";
import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

const look = cva(
  "inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap select-none transition-colors disabled:pointer-events-none disabled:opacity-50 aria-disabled:cursor-not-allowed aria-disabled:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0",
  {
    variants: {
      variant: {
        primary: "bg-accent text-accent-foreground hover:bg-accent-hover",
        outline: "border border-border bg-raised text-foreground hover:bg-hover",
        ghost: "text-muted hover:bg-hover hover:text-foreground",
        danger: "border border-danger/40 text-danger hover:bg-danger-soft",
        link: "text-accent underline-offset-4 hover:underline",
      },
      size: { default: "h-8 px-3 text-sm", small: "h-7 px-2 text-xs", icon: "size-8", "small-icon": "size-7", inline: "h-auto p-0 text-sm" },
    },
    defaultVariants: { variant: "outline", size: "default" },
  },
);

export interface ButtonProps extends ComponentProps<"button">, VariantProps<typeof look> {
  asChild?: boolean;
  /** Shows that the click is being carried out, and takes no further one. */
  busy?: boolean;
}

export function Button({ className, variant, size, asChild, busy, children, type = "button", disabled, ...rest }: ButtonProps) {
  const classes = cn(look({ variant, size }), className);
  if (asChild) {
    return (
      <Slot.Root className={classes} {...rest}>
        {children}
      </Slot.Root>
    );
  }
  return (
    <button type={type} className={classes} disabled={disabled || busy} aria-busy={busy} {...rest}>
      {busy && <LoaderCircle className="turn" aria-hidden />}
      {children}
    </button>
  );
}
