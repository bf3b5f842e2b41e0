import ArgumentParser
@main struct AITeam: ParsableCommand { func run() throws { print("hi") } }
