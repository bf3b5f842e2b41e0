import ArgumentParser
import Vault

/// A length of time on the command line: `90s`, `5m`, `1h30m`, `7d`, `2w`, or the configuration's `7_days`.
struct DurationArgument: ExpressibleByArgument {
    let milliseconds: Int64

    init?(argument: String) {
        var total: Int64 = 0
        var rest = argument.withShortUnit[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let number = Int64(digits), number < 1_000_000_000 else { return nil }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            guard let factor = Self.factors[unit] else { return nil }
            rest = rest.dropFirst(unit.count)
            total += number * factor
        }
        milliseconds = total
    }

    private static let factors: [Substring: Int64] = [
        "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
    ]
}

/// A moment on the command line: RFC 3339 with any offset, or a date.
struct TimeArgument: ExpressibleByArgument {
    let time: Timestamp

    init?(argument: String) {
        guard let time = Timestamp(argument) else { return nil }
        self.time = time
    }
}

/// A deadline: like a moment, but a date alone means that day's last millisecond, UTC.
struct DeadlineArgument: ExpressibleByArgument {
    let time: Timestamp

    init?(argument: String) {
        guard let time = Timestamp(argument) else { return nil }
        let isDate = argument.utf8.count == 10
        self.time = isDate ? time.advanced(byMilliseconds: 86_400_000 - 1) : time
    }
}

/// The beginning of a span: so long ago, or a moment.
struct SinceArgument: ExpressibleByArgument {
    private enum Kind {
        case ago(DurationArgument)
        case at(Timestamp)
    }

    private let kind: Kind

    init?(argument: String) {
        if let ago = DurationArgument(argument: argument) {
            kind = .ago(ago)
        } else if let time = Timestamp(argument) {
            kind = .at(time)
        } else {
            return nil
        }
    }

    func time(now: Timestamp) -> Timestamp {
        switch kind {
        case .ago(let span): now.advanced(byMilliseconds: -span.milliseconds)
        case .at(let time): time
        }
    }
}

extension String {
    /// `7_days` as `7d`; every other text unchanged.
    fileprivate var withShortUnit: String {
        let parts = split(separator: "_")
        guard parts.count == 2 else { return self }
        let units: [Substring: String] = [
            "second": "s", "minute": "m", "hour": "h", "day": "d", "week": "w",
        ]
        let name = parts[1].last == "s" ? parts[1].dropLast() : parts[1]
        return units[name].map { parts[0] + $0 } ?? self
    }
}
