/// An output that another process is writing.
public struct OutputBusy: Error, CustomStringConvertible {
  /// The output, as it was named.
  public let path: String
  /// Whether it is this very process, which was given the same output under two names.
  public let isThisProcess: Bool
  public let description: String

  /// `holder` is the process that has the lock at `lockPath`, where that is known.
  init(_ path: String, holder: LockHolder?, lockPath: String) {
    self.path = path
    isThisProcess = holder?.isThisProcess == true
    if isThisProcess {
      description = "\(path): named for two outputs of this command; each needs a file of its own"
    } else if let holder, !holder.hasEnded {
      description =
        "\(path): another program is writing this (\(holder)); wait until it is done"
        + (holder.isOnThisHost ? "" : ", or remove \(lockPath) if it no longer runs there")
    } else {
      description = "\(path): another program is writing this; wait until it is done"
    }
  }
}
