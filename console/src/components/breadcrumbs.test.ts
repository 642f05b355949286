import { expect, test } from "vitest";
import { crumbsOf } from "@/components/breadcrumbs";
import { organizationArea, projectArea } from "@/components/navigation";

const area = projectArea("abc");

test.each([
  ["/projects/abc", "Home"],
  ["/projects/abc/", "Home"],
  ["/projects/abc/sql", "SQL editor"],
  ["/projects/abc/auth/users", "Auth > Users"],
  ["/projects/abc/auth/users/0b8c7a52-9b6c-4e0a-8d6f-1f2e3d4c5b6a", "Auth > Users > 0b8c7a…5b6a"],
  ["/projects/abc/auth/templates/template/magic_link", "Auth > Templates > magic_link"],
  ["/projects/abc/nowhere", ""],
  ["/projects/abcd/sql", ""],
])("%s is at %s", (path, way) => expect(crumbsOf(area, path).map(({ name }) => name).join(" > ")).toBe(way));

test("a name with a percent sign that encodes nothing stands as it is", () => {
  expect(crumbsOf(area, "/projects/abc/sql/100%").at(-1)?.name).toBe("100%");
});

test("a page to make something is named as such", () => {
  expect(crumbsOf(organizationArea("acme"), "/orgs/acme/projects/new").map(({ name }) => name)).toEqual(["Projects", "New"]);
  expect(crumbsOf(area, "/projects/abc/tables/public/new").at(-1)?.name).toBe("public.new");
});
