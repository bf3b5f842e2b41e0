import FileSystem
import Foundation
import Testing
import Vault

@Suite struct HomeTests {
    private func inDirectory(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "home-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test func theRulesFindAHome() throws {
        try inDirectory { root in
            let home = Home(path: root + "/project")
            try home.makeLayout()
            let deep = home.path + "/a/b"
            try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
            func find(_ option: String?, _ environment: [String: String], _ cwd: String) throws
                -> HomeLocation
            {
                try HomeLocation.find(option: option, environment: environment, workingDirectory: cwd)
            }
            let environment = ["AI_TEAM_HOME": "/e", "XDG_DATA_HOME": "/x", "HOME": "/h"]
            #expect(try find("/o/", environment, deep).home.path == "/o")
            #expect(try find("../c", environment, deep).home.path == home.path + "/a/c")
            #expect(try find(nil, environment, deep).home.path == "/e")
            #expect(try find(nil, ["HOME": "/h"], deep) == HomeLocation(home: home, rule: .ancestor))
            #expect(try find(nil, ["HOME": "/h", "XDG_DATA_HOME": "/x"], root).home.path == "/x/ai-team")
            #expect(try find(nil, ["HOME": "/h"], root).home.path == "/h/.local/share/ai-team")
            #expect(try !home.exists())
            #expect(try Files.status(home.keysDirectory)?.permissions == 0o700)
            #expect(try Files.status(home.configDirectory + "/local.yaml")?.permissions == 0o600)
        }
    }

    @Test func defaultsHaveTheirNames() throws {
        try inDirectory { root in
            let home = Home(path: root)
            try home.makeLayout(mode: .auto)
            let configuration = try HomeConfiguration(of: home)
            #expect(configuration.mode == .auto)
            #expect(configuration["sync_config.tasks.conflict_resolution"] == "newest_wins")
            #expect(configuration["backup.local.path"] == "./data/backups/")
            #expect(configuration.logRetentionDays == 7)
            #expect(configuration.entries.filter(\.isGuarded).isEmpty)
        }
    }

    @Test func aBrokenFileIsNamed() throws {
        try inDirectory { root in
            let home = Home(path: root)
            try home.makeLayout()
            for text in ["mode: [", "mode: sideways", "- a", "a: *b", "a: \"\\xff"] {
                try Durable.replace(home.configDirectory + "/local.yaml", with: Array(text.utf8))
                let error = expect(.invalid) { try HomeConfiguration(of: home) }
                #expect(error?.message.contains("config/local.yaml") == true)
            }
        }
    }

    @Test func pathsOfBackupsAreListsOfThisMachine() throws {
        try inDirectory { root in
            let home = Home(path: root)
            try home.makeLayout()
            try HomeConfiguration.set("backup.paths", to: "[\"~/a b\", \"/漢\"]", in: home, nil)
            try HomeConfiguration.set("backup.exclude", to: "*.o", in: home, nil)
            var configuration = try HomeConfiguration(of: home)
            #expect(configuration.backupPaths == ["~/a b", "/漢"] && configuration.backupExclude == ["*.o"])
            #expect(configuration.backupInclude.isEmpty)
            #expect(configuration.entries.filter(\.isGuarded).isEmpty)
            #expect(configuration.entries.filter { $0.key.hasPrefix("backup.paths") }.map(\.source)
                == ["config/local.yaml"])
            try HomeConfiguration.set("backup.paths", to: nil, in: home, nil)
            configuration = try HomeConfiguration(of: home)
            #expect(configuration.backupPaths.isEmpty && configuration.backupExclude == ["*.o"])
            for (file, text) in [
                ("local", "backup: { paths: ['', /x] }"), ("sync", "backup: { paths: [/x] }"),
            ] {
                try Durable.replace("\(home.configDirectory)/\(file).yaml", with: Array(text.utf8))
                expect(.invalid) { try HomeConfiguration(of: home) }
                try Durable.replace("\(home.configDirectory)/\(file).yaml", with: [])
            }
        }
    }

    @Test func anEndpointFromOutsideIsRefused() throws {
        let test = try TestVault()
        try inDirectory { root in
            let home = Home(path: root)
            try home.makeLayout()
            try test.vault.write { tx in
                try HomeConfiguration.set("cloud.endpoint", to: "https://mine", in: home, tx)
                try HomeConfiguration.set("backup.local.retention", to: "60_days", in: home, nil)
            }
            let own = try HomeConfiguration(of: home)
            #expect(own["cloud.endpoint"] == "https://mine" && own["backup.local.retention"] == "60_days")
            try test.vault.read { try own.checkGuards($0) }
            let edited = "endpoint: https://evil\nhooks: {}\n"
            try Durable.replace(home.configDirectory + "/cloud.yaml", with: Array(edited.utf8))
            let foreign = try HomeConfiguration(of: home)
            let error = expect(.guardRefused) { try test.vault.read { try foreign.checkGuards($0) } }
            #expect(error?.message.contains("https://evil") == true)
            #expect(try test.vault.write { try foreign.confirm($0) } == ["cloud.endpoint"])
            try test.vault.read { try foreign.checkGuards($0) }
        }
    }
}
