import Foundation
import Testing

@Suite("Tasks and projects") struct TaskTests {
    private static let taskKeys: Set<String> = [
        "id", "type", "title", "description", "status", "priority", "assigned_to", "project_id",
        "dependencies", "created_by", "created_at", "updated_at", "started_at", "completed_at", "deadline",
        "output", "error", "metadata", "tags", "version", "links",
    ]

    @Test("A task goes its way from pending to completed, and illegal steps exit 5")
    func life() throws {
        let home = try TestHome()
        let task = try home.json(
            "create-task", "實現用戶認證系統", "--type", "develop_api", "--priority", "critical", "--assign",
            "agent-backend-dev", "--deadline", "2027-01-31", "--tag", "auth", "--description", "-",
            input: "first line\nsecond\n")
        #expect(task.keys.isSuperset(of: Self.taskKeys))
        #expect(task["title"].string == "實現用戶認證系統")
        #expect(task["description"].string == "first line\nsecond")
        #expect(task["assigned_to"].string == "backend-dev")
        #expect(task["status"].string == "pending")
        #expect(task["deadline"].string == "2027-01-31T23:59:59.999Z")
        let id = try #require(task["id"].string)
        #expect(id.contains(/^task-[0-9a-hjkmnp-tv-z]{26}$/))

        let refused = try home.error("fail-task", id, "--error", "no", expect: 5)
        #expect(refused["code"].string == "conflict")
        #expect("\(refused["message"].string ?? "")\(refused["hint"].string ?? "")".contains("in_progress"))
        #expect(try home.json("start-task", String(id.suffix(6)))["status"].string == "in_progress")
        let done = try home.json("complete-task", id, "--output", "merged")
        #expect(done["status"].string == "completed")
        #expect(done["output"].string == "merged")
        try home.error("tasks", "reopen", id, expect: 5)
        let history = try home.json("tasks", "history", id).list
        #expect(history.count >= 3)
        #expect(history.allSatisfy { $0.keys.isSuperset(of: ["time", "actor", "action"]) })
    }

    @Test("Lists filter, limit and say that rows were left out")
    func lists() throws {
        let home = try TestHome()
        let lines = (0..<120).map {
            "{\"title\":\"task \($0)\",\"priority\":\"\($0 == 70 ? "critical" : "low")\"}"
        }
        let report = try home.json("tasks", "import", "-", input: lines.joined(separator: "\n"))
        #expect(report["created"].int == 120)
        let first = try home.run("list-tasks", "--json")
        #expect(try first.json().list.count == 100)
        #expect(try first.json()[0]["title"].string == "task 70")
        #expect(first.errors.contains("--limit 0"))
        #expect(try home.json("tasks", "list", "--limit", "0").list.count == 120)
        #expect(try home.json("tasks", "list", "--priority", "critical").list.count == 1)
        #expect(try home.json("list-tasks", "--status", "failed").list.isEmpty)
        #expect(try home.run("--json", "tasks", "list", "--limit", "1").json().list.count == 1)
    }

    @Test("Dependencies block, and a cycle is refused and named")
    func dependencies() throws {
        let home = try TestHome()
        let first = try #require(try home.json("create-task", "first")["id"].string)
        let second = try #require(try home.json("create-task", "second", "--depends", first)["id"].string)
        let ready = try home.json("list-tasks", "--ready").list.compactMap { $0["id"].string }
        #expect(ready == [first])
        let refused = try home.error("tasks", "update", first, "--depends", second, expect: 5)
        #expect(refused["message"].string?.contains(first) == true)
        try home.json("complete-task", first)
        let claim = try home.json("tasks", "claim", "--agent", "qa")
        #expect(claim["id"].string == second)
        let token = try #require(claim["lease_token"].string)
        #expect(claim["lease_expires_at"].string != nil)
        try home.json("tasks", "heartbeat", second, "--lease", token)
        let lost = try home.error("complete-task", second, "--lease", String(token.reversed()), expect: 5)
        #expect(lost["code"].string == "lease_lost")
        #expect(try home.json("complete-task", second, "--lease", token)["status"].string == "completed")
        try home.error("tasks", "claim", expect: 3)
    }

    @Test("Ids may be shortened; an unknown one exits 3, an ambiguous one names the candidates")
    func ids() throws {
        let home = try TestHome()
        for id in ["task-alpha-1", "task-alpha-2"] {
            try home.json("tasks", "import", "-", input: "{\"id\":\"\(id)\",\"title\":\"x\"}")
        }
        #expect(try home.error("tasks", "show", "zzzz", expect: 3)["code"].string == "not_found")
        let ambiguous = try home.error("tasks", "show", "task-alpha", expect: 3)
        #expect(ambiguous["code"].string == "ambiguous_id")
        #expect(ambiguous["candidates"].list.count == 2)
        #expect(try home.json("tasks", "show", "alpha-1")["id"].string == "task-alpha-1")
    }

    @Test("Export and import give the same tasks; unknown keys are kept in metadata")
    func transfer() throws {
        let home = try TestHome()
        let line = "{\"id\":\"ext.1\",\"title\":\"任務 one\",\"color\":\"blue\",\"tags\":[\"a\"]}\n"
        try home.json("tasks", "import", "-", input: line)
        #expect(try home.json("tasks", "show", "ext.1")["metadata"]["color"].string == "blue")
        #expect(try home.json("tasks", "import", "-", input: line)["unchanged"].int == 1)
        let exported = try home.run("tasks", "export").text
        let other = try TestHome()
        try other.json("tasks", "import", "-", input: exported)
        #expect(try other.json("tasks", "show", "ext.1")["title"].string == "任務 one")
        let file = try home.file("broken.jsonl", Data("{\"title\":\"a\"}\n{\"no title\":1}\n".utf8))
        let broken = try home.error("tasks", "import", file, expect: 64)
        #expect(broken["message"].string?.contains("line 2") == true)
        #expect(try home.json("list-tasks").list.count == 1)
        try home.error("tasks", "import", "no-such-file", expect: 3)
    }

    @Test("Search finds two Chinese characters; nothing found is no error")
    func search() throws {
        let home = try TestHome()
        try home.json("create-task", "實現用戶認證系統")
        try home.json("create-task", "Write the manual")
        #expect(try home.json("tasks", "search", "認證").list.count == 1)
        #expect(try home.json("tasks", "search", "manual").list.count == 1)
        #expect(try home.json("tasks", "search", "absent").list.isEmpty)
    }

    @Test("The trash gives back, a purge does not")
    func trash() throws {
        let home = try TestHome()
        let id = try #require(try home.json("create-task", "x")["id"].string)
        try home.json("tasks", "delete", id)
        #expect(try home.json("list-tasks").list.isEmpty)
        #expect(try home.json("list-tasks", "--deleted").list.count == 1)
        try home.json("tasks", "restore", id)
        try home.json("tasks", "comment", id, "seen")
        #expect(try home.error("tasks", "delete", id, "--purge", expect: 5)["code"].string == "guard")
        try home.json("tasks", "delete", id, "--purge", "--yes")
        try home.error("tasks", "show", id, expect: 3)
    }

    @Test("Projects")
    func projects() throws {
        let home = try TestHome()
        let project = try home.json("create-project", "電商平台開發")
        #expect(project.keys.isSuperset(of: ["id", "name", "status", "created_at"]))
        let id = try #require(project["id"].string)
        try home.json("create-task", "x", "--project", "電商平台開發")
        #expect(try home.json("list-tasks", "--project", id).list.count == 1)
        #expect(try home.json("list-projects")[0]["name"].string == "電商平台開發")
        #expect(try home.json("projects", "rename", id, "shop")["name"].string == "shop")
        #expect(try home.json("projects", "archive", "shop")["status"].string == "archived")
        #expect(try home.json("list-projects", "--active").list.isEmpty)
        try home.error("projects", "delete", "shop", expect: 5)
        try home.json("projects", "delete", "shop", "--yes")
        try home.json("projects", "restore", id)
        #expect(try home.json("projects", "show", "shop")["id"].string == id)
        try home.error("projects", "show", "nothing", expect: 3)
    }
}
