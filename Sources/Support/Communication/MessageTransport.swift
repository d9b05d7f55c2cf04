/// Moves bytes between the processes of a run, which are numbered: each has a rank below the size.
public protocol MessageTransport: AnyObject {
  /// The number of this process.
  var rank: Int { get }
  /// How many processes there are.
  var size: Int { get }

  /// Sends and receives at the same time, and returns when both are done; either may be left out.
  ///
  /// Messages from one process to another arrive in the order in which they were sent. The memory that
  /// receives one must have its size.
  func exchange(
    send: (bytes: UnsafeRawBufferPointer, to: Int)?,
    receive: (memory: UnsafeMutableRawBufferPointer, from: Int)?)

  /// Ends the communication, which all processes must do.
  func finish()

  /// Ends all processes, at once, with the exit status `status`.
  func abort(status: Int32)
}
