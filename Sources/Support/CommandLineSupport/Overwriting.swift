import FileSupport

/// Refuses `outputs` that would replace one of the files `inputs`; `-` is standard input or output.
///
/// - Throws: ``UsageError``.
public func refuseOverwriting(_ inputs: [String], with outputs: [String?]) throws(UsageError) {
  for case let output? in outputs where output != "-" {
    if inputs.contains(where: { Folder.isSameFile($0 == "-" ? "/dev/stdin" : $0, output) }) {
      throw UsageError("the input '\(output)' would be overwritten")
    }
  }
}
