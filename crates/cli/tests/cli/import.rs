//! `seq2seq import`: models of Keras and PyTorch become models that every command takes.

use std::fs;
use std::path::Path;

use crate::support::{repository, run};

/// A folder with these files of the committed models.
fn folder_with(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let models = repository().join("crates/exchange/tests/import");
    for file in files {
        fs::copy(models.join(file), folder.path().join(file)).unwrap();
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

/// The notebook's model, as docs/import.md has it.
#[test]
fn the_notebooks_model_answers_sums() {
    let folder = folder_with(&["notebook.keras", "notebook.h5"]);
    let folder = folder.path();
    write(
        folder,
        "13.txt",
        "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n \n+\n\\n\n",
    );
    // Sums of three digits begin with a 1.
    let import = "--source-symbols 13.txt --target-symbols 13.txt --first-symbols 1 \
                  --set text.source_width=5 --set text.reverse_source=true --out sums.safetensors";
    let import = import.split_whitespace().collect::<Vec<_>>().join(" ");
    insta::assert_snapshot!(run(folder, &format!("import notebook.keras {import}")));
    let answer = run(folder, "predict sums.safetensors --text 99+99");
    assert!(answer.contains("--- stdout\n198\n"), "{answer}");
    let shown = run(folder, "inspect sums.safetensors");
    assert!(
        shown.contains("imported; longest source 6, longest target 4"),
        "{shown}"
    );

    let again = run(folder, &format!("import notebook.h5 {import}"));
    assert!(
        again.contains("sums.safetensors exists: replace it with --overwrite"),
        "{again}"
    );
    let again = run(folder, &format!("import notebook.h5 {import} --overwrite"));
    assert!(again.starts_with("exit code: 0"), "{again}");
}

#[test]
fn weights_of_pytorch_need_a_mapping() {
    let folder = folder_with(&["lstm.pt", "notebook.h5"]);
    let folder = folder.path();
    write(
        folder,
        "source.json",
        r#"["<pad>","a","b","c","d","e","f","g","h","i","j"]"#,
    );
    write(
        folder,
        "target.json",
        r#"["<pad>","<sos>","<eos>","k","l","m","n","o","p","q","r","s","t"]"#,
    );
    let lists =
        "--source-symbols source.json --target-symbols target.json --begin <sos> --end <eos>";
    let import = format!("import lstm.pt {lists} --out model.safetensors");
    insta::assert_snapshot!(run(folder, &import));
    let mapping = "encoder = \"encoder.rnn\"\ndecoder = \"decoder.rnn\"\noutput = \"decoder.fc_out\"\n\
                   source_embedding = \"encoder.embedding\"\ntarget_embedding = \"decoder.embedding\"\n";
    write(folder, "mapping.toml", mapping);
    let done = run(folder, &format!("{import} --mapping mapping.toml"));
    assert!(done.starts_with("exit code: 0"), "{done}");
    let answer = run(folder, "predict model.safetensors --text ce abcd");
    assert!(answer.contains("--- stdout\nom\npllk\n"), "{answer}");

    let keras = import.replace("lstm.pt", "notebook.h5") + " --mapping mapping.toml --overwrite";
    let refused = run(folder, &keras);
    assert!(
        refused.contains("exit code: 2") && refused.contains("--mapping is for PyTorch"),
        "{refused}"
    );
}

#[test]
fn what_cannot_be_imported_is_told() {
    let folder = folder_with(&["attention.keras"]);
    let folder = folder.path();
    write(folder, "source.txt", "a\nb\nc\nd\n");
    write(folder, "target.txt", "\\t\n\\n\ne\nf\n");
    write(folder, "broken.txt", "a\n\nb\n");
    write(folder, "text.keras", "no model");
    for (arguments, message) in [
        (
            "attention.keras --source-symbols source.txt --target-symbols target.txt",
            "error: attention.keras: the layer \"joined\" (Concatenate) stands between",
        ),
        (
            "attention.keras --source-symbols broken.txt --target-symbols target.txt",
            "error: broken.txt: line 2 is empty",
        ),
        (
            "attention.keras --source-symbols none.txt --target-symbols target.txt",
            "error: cannot read none.txt",
        ),
        (
            "none.keras --source-symbols source.txt --target-symbols target.txt",
            "error: cannot read none.keras",
        ),
        (
            "text.keras --source-symbols source.txt --target-symbols target.txt",
            "error: text.keras: the PyTorch file cannot be read",
        ),
        (
            "attention.keras --source-symbols source.txt --target-symbols target.txt --set model.cell=gru",
            "so only settings of text and decoding can be given",
        ),
        (
            "attention.keras --source-symbols source.txt --target-symbols target.txt --set text.casing=lower",
            "unknown field `casing`",
        ),
    ] {
        let told = run(
            folder,
            &format!("import {arguments} --out model.safetensors"),
        );
        assert!(told.contains(message), "{told}");
        assert!(!folder.join("model.safetensors").exists());
    }
}
