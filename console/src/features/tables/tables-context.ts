import { createContext, useContext } from "react";

/** Opens the list of tables, where there is no room to have it beside the table. */
export const TablesContext = createContext<() => void>(() => {});

export const useOpenTree = () => useContext(TablesContext);
