import { strictUrl, withScheme, type Login } from "@/features/project/connect/database";
import { quoted, shell, type Values, type Way } from "@/features/project/connect/values";

/** What logs in to the database itself, past the project's services. */
export function databases({ login }: Values): Way[] {
  if (!login) return [];
  const env = { name: ".env", language: "env", code: `DATABASE_URL="${strictUrl(login)}"` };
  return [
    {
      id: "psql",
      name: "psql",
      group: "Database",
      about: "Logs in as the project's owner role, which row level security does not hold: keep it on servers and to yourself.",
      files: [shell(`psql "${login.url}"`)],
      secret: true,
    },
    {
      id: "parameters",
      name: "Parameters",
      group: "Database",
      about: "For tools that ask for each by itself: pgAdmin, DBeaver, Metabase.",
      files: [{ name: "Parameters", language: "txt", code: parameters(login) }, { name: "JDBC", language: "txt", code: jdbc(login) }],
      secret: true,
    },
    {
      id: "node-postgres",
      name: "node-postgres",
      group: "Database",
      about: "The driver pg of Node.",
      files: [
        shell("npm install pg\nnode --env-file=.env db.mjs"),
        env,
        {
          name: "db.mjs",
          language: "ts",
          code: `import { Pool } from "pg";

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const { rows } = await pool.query("select now()");
console.log(rows);
await pool.end();`,
        },
      ],
      secret: true,
    },
    {
      id: "postgres-js",
      name: "postgres.js",
      group: "Database",
      about: "The driver postgres, of Node, Deno and Bun.",
      files: [
        shell("npm install postgres\nnode --env-file=.env db.mjs"),
        env,
        {
          name: "db.mjs",
          language: "ts",
          code: `import postgres from "postgres";

const sql = postgres(process.env.DATABASE_URL, { max: 10 });
console.log(await sql\`select now()\`);
await sql.end();`,
        },
      ],
      secret: true,
    },
    {
      id: "drizzle",
      name: "Drizzle",
      group: "ORMs",
      about: "npx drizzle-kit pull writes the schema of the tables that are there. It reads .env by itself; your app does by node --env-file=.env.",
      files: [
        shell("npm install drizzle-orm pg\nnpm install --save-dev drizzle-kit @types/pg"),
        env,
        {
          name: "drizzle.config.ts",
          language: "ts",
          code: `import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  schema: "./src/schema.ts",
  out: "./drizzle",
  schemaFilter: ["public"],
  dbCredentials: { url: process.env.DATABASE_URL! },
});`,
        },
        {
          name: "src/db.ts",
          language: "ts",
          code: `import { drizzle } from "drizzle-orm/node-postgres";

export const db = drizzle(process.env.DATABASE_URL!);`,
        },
      ],
      secret: true,
    },
    {
      id: "prisma",
      name: "Prisma",
      group: "ORMs",
      about:
        'Prisma 7. npx prisma db pull writes the models of the tables that are there, npx prisma generate the client. Where tables refer to auth.users, add schemas = ["public", "auth"] to the datasource first.',
      files: [
        shell("npm install prisma --save-dev\nnpm install @prisma/client @prisma/adapter-pg dotenv"),
        env,
        {
          name: "prisma.config.ts",
          language: "ts",
          code: `import "dotenv/config";
import { defineConfig, env } from "prisma/config";

export default defineConfig({
  schema: "prisma/schema.prisma",
  datasource: { url: env("DATABASE_URL") },
});`,
        },
        {
          name: "prisma/schema.prisma",
          language: "prisma",
          code: `generator client {
  provider = "prisma-client"
  output   = "../generated/prisma"
}

datasource db {
  provider = "postgresql"
}`,
        },
        {
          name: "db.ts",
          language: "ts",
          code: `import "dotenv/config";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "./generated/prisma/client";

const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL!, max: 5 });
export const prisma = new PrismaClient({ adapter });`,
        },
      ],
      secret: true,
    },
    {
      id: "kysely",
      name: "Kysely",
      group: "ORMs",
      about: "Typed SQL. npx kysely-codegen writes the types of the tables that are there. It reads .env by itself; your app does by node --env-file=.env.",
      files: [
        shell("npm install kysely pg\nnpm install --save-dev @types/pg kysely-codegen"),
        env,
        {
          name: "db.ts",
          language: "ts",
          code: `import { Kysely, PostgresDialect } from "kysely";
import { Pool } from "pg";
import type { DB } from "kysely-codegen";

export const db = new Kysely<DB>({
  dialect: new PostgresDialect({ pool: new Pool({ connectionString: process.env.DATABASE_URL, max: 10 }) }),
});`,
        },
      ],
      secret: true,
    },
    {
      id: "knex",
      name: "Knex",
      group: "ORMs",
      about: "A query builder; its command makes and runs migrations. Run what imports this by node --env-file=.env.",
      files: [
        shell("npm install knex pg"),
        env,
        {
          name: "db.mjs",
          language: "ts",
          code: `import knex from "knex";

export const db = knex({
  client: "pg",
  connection: process.env.DATABASE_URL,
  pool: { min: 0, max: 10 },
});`,
        },
      ],
      secret: true,
    },
    {
      id: "sqlalchemy",
      name: "SQLAlchemy",
      group: "ORMs",
      about: "SQLAlchemy 2, which knows the driver psycopg 3.",
      files: [
        shell('pip install "sqlalchemy>=2" "psycopg[binary]"'),
        {
          name: "db.py",
          language: "py",
          code: `from sqlalchemy import create_engine, text

engine = create_engine(${quoted(withScheme(login, "postgresql+psycopg"))}, pool_size=5)

with engine.connect() as connection:
    print(connection.execute(text("select now()")).scalar())`,
        },
      ],
      secret: true,
    },
    {
      id: "django",
      name: "Django",
      group: "ORMs",
      about: "python manage.py inspectdb writes the models of the tables that are there. Django keeps its own tables in the schema public too.",
      files: [shell('pip install "django>=4.2" "psycopg[binary]"'), { name: "settings.py", language: "py", code: django(login) }],
      secret: true,
    },
    {
      id: "gorm",
      name: "GORM",
      group: "ORMs",
      about: "In Go, with the driver pgx, in a module: go mod init makes one.",
      files: [
        shell("go get gorm.io/gorm gorm.io/driver/postgres"),
        {
          name: "main.go",
          language: "go",
          code: `package main

import (
	"fmt"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

func main() {
	db, err := gorm.Open(postgres.Open(${quoted(login.url)}), &gorm.Config{})
	if err != nil {
		panic(err)
	}
	var now string
	if err := db.Raw("select now()").Scan(&now).Error; err != nil {
		panic(err)
	}
	fmt.Println(now)
}`,
        },
      ],
      secret: true,
    },
  ];
}

function parameters({ host, port, database, user, password, sslMode }: Login): string {
  const rows = [
    ["Host", host],
    ["Port", port],
    ["Database", database],
    ["User", user],
    ["Password", password],
    ["SSL mode", sslMode],
  ];
  return rows.flatMap(([name, value]) => (value ? `${name!.padEnd(10)}${value}` : [])).join("\n");
}

function jdbc({ host, port, database, user, password, sslMode }: Login): string {
  const query = new URLSearchParams({ user, password, ...(sslMode && { sslmode: sslMode }) });
  return `jdbc:postgresql://${host}:${port}/${database}?${query}`;
}

function django({ host, port, database, user, password, sslMode }: Login): string {
  return `DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": ${quoted(host)},
        "PORT": ${port},
        "NAME": ${quoted(database)},
        "USER": ${quoted(user)},
        "PASSWORD": ${quoted(password)},${sslMode ? `\n        "OPTIONS": {"sslmode": ${quoted(sslMode)}},` : ""}
    }
}`;
}
