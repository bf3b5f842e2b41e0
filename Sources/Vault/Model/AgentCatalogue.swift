/// The twelve agents of every vault.
public enum AgentCatalogue {
    /// Who they are and what they can do, the coordinator first.
    public static let all: [AgentRecord] = [
        agent(
            "coordinator", "Team Coordinator",
            "task_orchestration team_management risk_assessment task_breakdown agent_assignment "
                + "workflow_execution workload_rebalancing health_monitoring"),
        agent(
            "pm", "Product Manager",
            "requirements_analysis prd_writing user_research user_stories acceptance_criteria "
                + "feature_prioritization"),
        agent(
            "architect", "Solution Architect",
            "system_design technology_selection performance_optimization architecture_design "
                + "technical_planning system_diagrams tech_stack_selection scalability_planning"),
        agent(
            "ui-ux-designer", "UI/UX Designer",
            "ui_design ux_research prototyping visual_design user_journey_mapping"),
        agent(
            "backend-dev", "Backend Developer",
            "api_development database_design rag_implementation database_operations typescript rest_api"),
        agent(
            "frontend-dev", "Frontend Developer",
            "ui_development api_integration state_management ui_components react svelte "
                + "responsive_design accessibility"),
        agent(
            "qa", "QA Engineer",
            "test_planning automated_testing bug_tracking test_writing integration_testing "
                + "quality_assurance"),
        agent(
            "devops", "DevOps Engineer",
            "deployment monitoring backup_management ci_cd infrastructure"),
        agent(
            "finops-guardian", "Cost Guardian",
            "cost_estimation resource_optimization budget_monitoring cost_analysis"),
        agent(
            "security-guardian", "Security Guardian",
            "security_review vulnerability_scanning compliance_check threat_analysis"),
        agent(
            "data-analyst", "Data Analyst",
            "data_analysis reporting rag_evaluation metrics_tracking insights_generation "
                + "data_visualization"),
        agent(
            "knowledge-mgr", "Knowledge Manager",
            "knowledge_curation content_classification quality_monitoring documentation "
                + "information_retrieval rag_system"),
    ]

    /// The id without `agent-`, when it is one of the twelve.
    /// - Throws: `VaultError` with code `not_found` that lists them.
    public static func resolve(_ text: String) throws -> String {
        let bare = canonical(text)
        guard all.contains(where: { $0.id == bare }) else {
            throw VaultError(
                .notFound, "no agent is called '\(text)'",
                hint: "agents: " + all.map(\.id).joined(separator: ", "))
        }
        return bare
    }

    /// Drops the prefix `agent-` of one of the twelve; other names, such as people's, stay.
    public static func canonical(_ text: String) -> String {
        guard text.hasPrefix("agent-") else { return text }
        return String(text.dropFirst(6))
    }

    private static func agent(_ id: String, _ role: String, _ capabilities: String) -> AgentRecord {
        AgentRecord(
            id: id, name: role, role: role, capabilities: capabilities.split(separator: " ").map(String.init),
            status: "idle", currentTaskID: nil)
    }
}
