import FileSupport
import TextGeneration

/// The recipe from which `ollama create` makes a model: the GGUF file, and how to sample from it.
public struct OllamaModelfile {
  /// The path of the GGUF file, relative to the Modelfile or absolute.
  public let model: String
  /// Of these, what Ollama has under another name.
  public let settings: SamplingSettings
  /// The longest context, in tokens.
  public let contextLength: Int
  /// The texts of the tokens that end a text.
  public let ends: [String]

  public init(model: String, settings: SamplingSettings, contextLength: Int, ends: [String]) {
    self.model = model
    self.settings = settings
    self.contextLength = contextLength
    self.ends = ends
  }

  /// How a Modelfile at `modelfile` names the file at `path`: relative if both are in one folder.
  public static func path(of path: String, from modelfile: String) -> String {
    let folder = Folder.parent(of: path)
    let whole = Folder.realPath(of: folder) ?? folder
    let isBeside = whole == Folder.realPath(of: Folder.parent(of: modelfile))
    return (isBeside ? "." : whole) + "/" + Folder.name(of: path)
  }

  /// The contents of the file.
  ///
  /// The template passes the prompt on as it is: the model continues texts. The program's
  /// penalty is for all tokens of a text, Ollama's usually for the last 64.
  public var text: String {
    var parameters: [(String, String)] = [
      ("num_ctx", "\(contextLength)"),
      ("num_predict", "\(min(settings.maximumLength, contextLength))"),
      ("temperature", "\(settings.temperature)"), ("top_k", "\(settings.topK)"),
      ("top_p", "\(settings.topP)"), ("min_p", "\(settings.minP)"),
      ("repeat_penalty", "\(settings.repetitionPenalty)"), ("repeat_last_n", "-1"),
    ]
    // There are no escapes, so that a quote cannot be written.
    parameters += ends.filter { !$0.contains(#"""#) }.map { ("stop", #""\#($0)""#) }
    return
      (["FROM \(model)", #"TEMPLATE "{{ .Prompt }}""#]
      + parameters.map { "PARAMETER \($0) \($1)" }).map { $0 + "\n" }.joined()
  }
}
