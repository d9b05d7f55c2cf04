import HTTPSupport
import TextSupport

/// What a failure means to the user.
extension HubClient {
  /// What it means that the network failed with `problem`; a transient fault is thrown.
  func fault(
    _ problem: String, _ cause: HTTPFailure.Cause, at address: String, for name: ModelName
  ) throws -> HubError {
    let host = Self.host(of: address)
    switch cause {
    case .certificate:
      return HubError(
        .misconfigured, "\(name)",
        "the certificate of \(host) is not trusted (\(problem))",
        remedy:
          "check this machine's clock and its package ca-certificates; if a proxy here decrypts connections, put its certificate into "
          + "/usr/local/share/ca-certificates and run update-ca-certificates")
    case .proxy:
      return HubError(
        .misconfigured, "\(name)",
        "the proxy in \(settings.proxyVariable ?? "the settings") does not connect to \(host) "
          + "(\(problem))",
        remedy: "check its address, or name \(host) in NO_PROXY")
    case .connection where !hasAnswer:
      let proxy = settings.proxyVariable.map { " and the proxy in \($0)" } ?? ""
      return HubError(
        .unreachable, "\(name)",
        "\(host) cannot be reached (\(problem))",
        remedy: "check the network\(proxy), and try again; if you meant a folder, none has "
          + "this path")
    case .connection, .transfer: throw TransientFault(problem)
    }
  }

  /// What the status of `answer` means, whose body is `body`.
  func fault(
    _ answer: HTTPAnswer, _ body: [UInt8], at address: String, isHub: Bool, for name: ModelName
  ) -> any Error {
    let message = excerpt(
      answer["x-error-message"] ?? Self.message(in: body) ?? "no reason given", limit: 300)
    let said = "status \(answer.status), '\(message)'"
    if answer.status == 429 {
      let advice = settings.token == nil ? "; with a token (HF_TOKEN) the hub allows more" : ""
      return TransientFault(
        "too many requests from this network (status 429)\(advice)", wait: wait(answer))
    }
    if answer.isTransient { return TransientFault("status \(answer.status)") }
    guard isHub else {
      // The hub signs a new address for each request.
      return TransientFault(
        "\(Self.host(of: address)) refuses the address that the hub has signed "
          + "(status \(answer.status))")
    }
    let page = "\(settings.endpoint)/\(name.repository)"
    switch (answer.status, answer["x-error-code"]) {
    case (401, "GatedRepo"?):
      return HubError(
        .refused, "\(name)",
        "this model is only for those who accept its terms; accept them at \(page), and set HF_TOKEN "
          + "to a token of that account")
    case (403, "GatedRepo"?):
      return HubError(
        .refused, "\(name)",
        "the account of the token in \(settings.token?.source ?? "HF_TOKEN") has not been given access; "
          + "ask for it at \(page) (\(said))")
    case (404, "RevisionNotFound"?):
      return HubError(
        .notFound, "\(name)",
        "the model has no branch, tag or commit '\(excerpt(name.revision))'; see \(page)/tree/main")
    case (404, "EntryNotFound"?):
      return HubError(.notFound, "\(name)", "a file that the hub lists is not there (\(said))")
    case (401, _) where settings.token != nil && answer["x-error-code"] != "RepoNotFound":
      return HubError(
        .refused, "\(name)",
        "the hub refuses the token in \(settings.token?.source ?? ""): \(said); renew it, or "
          + "remove it: a public model needs none")
    case (401, _), (404, "RepoNotFound"?):
      return HubError(.notFound, "\(name)", Self.noSuchModel(name, settings))
    default:
      return HubError(
        answer.status == 404 ? .notFound : answer.status == 403 ? .refused : .protocolViolation,
        "\(name)", "\(said), expected the model; see \(page)")
    }
  }

  private static func noSuchModel(_ name: ModelName, _ settings: HubSettings) -> String {
    let meant = name.suggestions
    let suggestion = meant.isEmpty ? "" : "; did you mean \(meant.joined(separator: " or "))?"
    let access =
      settings.token.map { "or the account of the token in \($0.source) has no access to it" }
      ?? "or it is private and needs a token (HF_TOKEN)"
    return "there is no folder at this path, and no such model at \(settings.endpoint), \(access)"
      + (suggestion.isEmpty ? "; check the name" : suggestion)
  }

  /// How long a server asks to wait, in seconds.
  private func wait(_ answer: HTTPAnswer) -> Int? {
    // "resolvers";r=0;t=55: no request left for 55 seconds.
    if let limit = answer["ratelimit"],
      let match = limit.firstMatch(of: /;\s*r=0\s*;\s*t=(\d{1,9})/), let seconds = Int(match.1)
    {
      return seconds + 1
    }
    return answer.retryAfter.map { $0 + 1 }
  }

  private static func message(in body: [UInt8]) -> String? {
    let text = String(decoding: body, as: UTF8.self)
    return text.firstMatch(of: /"error"\s*:\s*"([^"]*)"/).map { String($0.1) }
  }
}
