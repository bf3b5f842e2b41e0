/// Where SQL and the database's name may stand.
enum Database {
    /// SQL has a home: files named `X+SQL.swift` (or `X+SQLite.swift`) of the targets that own tables.
    /// Backup is among them for the plain database that `backup export` writes: a new file, not the vault.
    private static let owners: Set<String> = ["EncryptedSQLite", "Vault", "Backup"]

    private static let openings = [
        "SELECT ", "INSERT ", "UPDATE ", "DELETE FROM ", "CREATE TABLE ", "CREATE INDEX ",
        "CREATE UNIQUE INDEX ", "CREATE VIRTUAL ", "ALTER TABLE ", "DROP TABLE ", "PRAGMA ",
        "WITH RECURSIVE ",
    ]

    static func violations(in file: SourceFile) -> [Violation] {
        file.lines.enumerated().compactMap { index, line in
            let text = line.drop { $0 == " " }
            guard !text.hasPrefix("//") else { return nil }
            if text.contains("\"ai-agent" + ".db"), file.target != "Vault" {
                return Violation(
                    file: file, line: index + 1,
                    rule: "only Vault knows the database by its name: any other opener drops SQLite's locks")
            }
            let sql = openings.contains { text.contains("\"" + $0) || text.hasPrefix($0) }
            guard sql else { return nil }
            let home = file.name.hasSuffix("+SQL.swift") || file.name.hasSuffix("+SQLite.swift")
            guard !home || !owners.contains(file.target) else { return nil }
            return Violation(file: file, line: index + 1, rule: "SQL stands in X+SQL.swift of a data target")
        }
    }
}
