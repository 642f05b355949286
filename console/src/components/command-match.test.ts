import { expect, test } from "vitest";
import { match } from "@/components/command-match";

test.each([
  ["table public.books", "book", 1],
  ["table public.books", "books table", 1],
  ["Project · Auth · Hooks", "book", 0],
  ["Project · Auth · Hooks", "hooks", 1],
  ["table public.notebooks", "book", 0.5],
  ["project Größe abc", "größe", 1],
  ["table public.a_b", "a_b", 1],
  ["table public.x", "public.x (", 0],
  ["anything", "", 1],
  ["table public.orders", "or", 1],
  ["Organisation · Projects", "or", 0.7],
  ["Project · SQL editor", "or", 0.5],
  ["Project · Auth · Users", "auth users", 0.7],
])("%s for %s", (value, search, score) => expect(match(value, search)).toBe(score));
