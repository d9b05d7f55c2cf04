/// Something that TensorBoard shows, as it is at one step.
public enum EventValue: Sendable {
  /// A point of a curve, kept in single precision.
  case scalar(tag: String, Double)
  /// A text in Markdown.
  case text(tag: String, String)
  /// The settings of a run and its start in seconds since 1970, for the page HPARAMS; every scalar is
  /// then a metric there.
  case settings([(name: String, value: Setting)], start: Double)
  /// The run has ended as it should, so many seconds after 1970.
  case success(end: Double)

  /// The value of a setting.
  public enum Setting: Sendable {
    case number(Double)
    case text(String)
    case flag(Bool)
  }

  /// Adds the value to `summary`, a message `Summary`.
  func add(to summary: inout ProtobufMessage) {
    summary.add(1) { value in
      switch self {
      case .scalar(let tag, let number):
        value.add(1, text: tag)
        value.add(2, float: Float(number))
      case .text(let tag, let text):
        value.add(1, text: tag)
        value.add(9) { Self.addPlugin("text", to: &$0) }
        // A tensor of strings (type 7) without dimensions is a plain paragraph.
        value.add(8) { tensor in
          tensor.add(1, integer: 7)
          tensor.add(8, text: text)
        }
      case .settings(let settings, let start):
        value.add(1, text: "_hparams_/session_start_info")
        value.add(9) { metadata in
          Self.addPlugin("hparams", to: &metadata) { data in
            data.add(3) { session in
              for (name, setting) in settings {
                session.add(1) { entry in
                  entry.add(1, text: name)
                  entry.add(2) { setting.add(to: &$0) }
                }
              }
              session.add(5, double: start)
            }
          }
        }
      case .success(let end):
        value.add(1, text: "_hparams_/session_end_info")
        value.add(9) { metadata in
          Self.addPlugin("hparams", to: &metadata) { data in
            data.add(4) { session in
              session.add(1, integer: 1)
              session.add(2, double: end)
            }
          }
        }
      }
    }
  }

  /// Adds to the metadata of a value that the part `name` of TensorBoard shows it, and what it needs.
  private static func addPlugin(
    _ name: String, to metadata: inout ProtobufMessage,
    data: ((inout ProtobufMessage) -> Void)? = nil
  ) {
    metadata.add(1) { plugin in
      plugin.add(1, text: name)
      if let data { plugin.add(2, data) }
    }
  }
}

extension EventValue.Setting {
  /// Adds the value to `message`, a `google.protobuf.Value`.
  fileprivate func add(to message: inout ProtobufMessage) {
    switch self {
    case .number(let number): message.add(2, double: number)
    case .text(let text): message.add(3, text: text)
    case .flag(let flag): message.add(4, integer: flag ? 1 : 0)
    }
  }
}

/// A record of an event file, which TensorBoard shows at the time `time`, in seconds since 1970.
package enum EventRecord {
  /// What a file begins with.
  package static func version(time: Double) -> [UInt8] {
    encoded(time, step: 0) { $0.add(3, text: "brain.Event:2") }
  }

  /// A session begins whose first step is `step`: points from there on that an earlier file of the run
  /// has are dropped.
  package static func start(time: Double, step: Int) -> [UInt8] {
    encoded(time, step: step) { event in event.add(7) { $0.add(1, integer: 1) } }
  }

  /// The values at `step`.
  package static func values(_ values: [EventValue], time: Double, step: Int) -> [UInt8] {
    encoded(time, step: step) { event in
      event.add(5) { summary in
        for value in values { value.add(to: &summary) }
      }
    }
  }

  private static func encoded(
    _ time: Double, step: Int, _ content: (inout ProtobufMessage) -> Void
  ) -> [UInt8] {
    record(
      ProtobufMessage { event in
        event.add(1, double: time)
        if step != 0 { event.add(2, integer: step) }
        content(&event)
      }.bytes)
  }
}
