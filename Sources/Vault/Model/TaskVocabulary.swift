/// Where a task stands. `blocked` is not among them: it follows from other tasks and is never stored.
public enum TaskStatus: String, Sendable, CaseIterable {
    case pending, assigned
    case inProgress = "in_progress"
    case completed, failed, cancelled

    /// The states that may follow this one.
    public var successors: [TaskStatus] {
        switch self {
        case .pending: [.assigned, .inProgress, .completed, .cancelled]
        case .assigned: [.assigned, .pending, .inProgress, .completed, .cancelled]
        case .inProgress: [.completed, .failed, .cancelled, .pending]
        case .failed, .cancelled: [.pending]
        case .completed: []
        }
    }
}

/// How urgent a task is; stored as a number, so that order means something.
public enum TaskPriority: Int, Sendable, CaseIterable, Comparable {
    case low = 0
    case medium, high, critical

    public static func < (a: TaskPriority, b: TaskPriority) -> Bool { a.rawValue < b.rawValue }

    public var name: String { "\(self)" }

    public init?(name: String) {
        guard let match = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = match
    }
}

/// Whether a person has looked at the result.
public enum ReviewState: String, Sendable, CaseIterable { case none, pending, approved, rejected }

/// How one task relates to another: `a` with a link `blocks` to `b` waits for `b` to be completed, one with
/// `on_failure` for `b` to fail; the others only inform.
public enum LinkKind: String, Sendable, CaseIterable {
    case blocks
    case onFailure = "on_failure"
    case parent, related
    case discoveredFrom = "discovered_from"

    /// The kinds that must not go round in a circle, together with this one.
    var acyclicWith: [LinkKind] {
        switch self {
        case .blocks, .onFailure: [.blocks, .onFailure]
        case .parent: [.parent]
        case .related, .discoveredFrom: []
        }
    }
}

/// A typed edge to another task.
public struct TaskLink: Sendable, Hashable {
    public let kind: LinkKind
    /// The other task.
    public let id: String

    public init(kind: LinkKind, id: String) {
        self.kind = kind
        self.id = id
    }
}

/// The eighteen kinds of work, with the agent whose work it is.
public enum TaskType: String, Sendable, CaseIterable {
    case developAPI = "develop_api"
    case writePRD = "write_prd"
    case designArchitecture = "design_architecture"
    case designUIUX = "design_ui_ux"
    case createPrototype = "create_prototype"
    case designReview = "design_review"
    case implementFeature = "implement_feature"
    case writeTests = "write_tests"
    case deploy
    case estimateCost = "estimate_cost"
    case optimizeResources = "optimize_resources"
    case costAlert = "cost_alert"
    case securityReview = "security_review"
    case vulnerabilityScan = "vulnerability_scan"
    case complianceCheck = "compliance_check"
    case analyzeData = "analyze_data"
    case manageKnowledge = "manage_knowledge"
    case coordinate

    /// The agent that such a task goes to when nobody says otherwise.
    public var defaultAgent: String {
        switch self {
        case .writePRD: "pm"
        case .designArchitecture: "architect"
        case .designUIUX, .createPrototype, .designReview: "ui-ux-designer"
        case .developAPI, .implementFeature: "backend-dev"
        case .writeTests: "qa"
        case .deploy: "devops"
        case .estimateCost, .optimizeResources, .costAlert: "finops-guardian"
        case .securityReview, .vulnerabilityScan, .complianceCheck: "security-guardian"
        case .analyzeData: "data-analyst"
        case .manageKnowledge: "knowledge-mgr"
        case .coordinate: "coordinator"
        }
    }
}
