import PackagePlugin

/// Writes BuildInfo.swift (commit and build date) before each build; it changes only with the commit.
@main struct BuildInfo: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let folder = context.pluginWorkDirectoryURL
        return [
            .prebuildCommand(
                displayName: "Note the commit",
                executable: .init(filePath: "/bin/sh"),
                arguments: [
                    context.package.directoryURL.appending(path: "scripts/build-info.sh").path(),
                    context.package.directoryURL.path(), folder.path(),
                ],
                outputFilesDirectory: folder)
        ]
    }
}
