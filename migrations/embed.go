// Package migrations holds the SQL of the control database and of the projects' databases.
package migrations

import "embed"

// Controlplane holds the control database's numbered migrations, applied once each and in order.
//
//go:embed controlplane/*.sql
var Controlplane embed.FS

// Project holds the projects' numbered migrations; see migrations/project/README.md for their template variables.
//
//go:embed all:project
var Project embed.FS
