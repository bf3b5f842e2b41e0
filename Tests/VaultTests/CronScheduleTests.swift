import Glibc
import TestSupport
import Testing
import Vault

@Suite struct CronScheduleTests {
    @Test(arguments: [
        ("0 2 * * *", ["*-*-* 02:00:00"]),
        ("@hourly", ["*-*-* *:00:00"]),
        ("*/15 9-17 * * mon-fri", ["Mon,Tue,Wed,Thu,Fri *-*-* 09,10,11,12,13,14,15,16,17:00,15,30,45:00"]),
        ("30 4 1,15 * *", ["*-*-01,15 04:30:00"]),
        ("0 0 1 jan *", ["*-01-01 00:00:00"]),
        ("0 0 * * 7", ["Sun *-*-* 00:00:00"]),
        ("0 0 13 * 5", ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"]),
        ("5/20 * * * *", ["*-*-* *:05,25,45:00"]),
    ])
    func calendarEventsSayTheSame(_ text: String, _ events: [String]) throws {
        #expect(try CronSchedule(text).calendarEvents == events)
    }

    @Test(arguments: [
        "", "0 2 * *", "0 2 * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8",
        "a * * * *", "1- * * * *", "5-1 * * * *", "*/0 * * * *", "1,,2 * * * *", "-1 * * * *", "+1 * * * *",
        "@reboot", "1/2/3 * * * *", "0 0 * * monday",
    ])
    func whatIsNoScheduleIsNamed(_ text: String) {
        let error = #expect(throws: VaultError.self) { try CronSchedule(text) }
        #expect(error?.code == .invalid)
    }

    /// systemd itself reads what is written, where it is installed.
    @Test func systemdReadsThem() throws {
        guard access("/usr/bin/systemd-analyze", X_OK) == 0 else { return }
        var random = SplitMix64(seed: printedSeed())
        for _ in 0..<5 {
            let minute = random.next() % 60
            let hour = random.next() % 24
            let day = 1 + random.next() % 28
            let text = "\(minute) \(hour),\((hour + 5) % 24) \(day) */2 1-5"
            for event in try CronSchedule(text).calendarEvents {
                let status = system("systemd-analyze calendar '\(event) Europe/Paris' > /dev/null 2>&1")
                #expect(status == 0, "\(text): \(event)")
            }
        }
    }
}
