import { frameworks } from "@/features/project/connect/frameworks";
import { libraries } from "@/features/project/connect/libraries";
import { databases } from "@/features/project/connect/orms";
import { groups, type Values, type Way } from "@/features/project/connect/values";

/** All ways to connect, in the order of their groups. */
export function ways(values: Values): Way[] {
  const all = [...frameworks(values), ...libraries(values), ...databases(values)];
  return groups.flatMap((group) => all.filter((way) => way.group === group));
}
