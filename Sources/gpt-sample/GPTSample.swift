@main struct GPTSample { static func main() {} }
