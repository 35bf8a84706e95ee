//! Clips: one moving picture in three sizes, made by the encoders of Debian's ffmpeg.

use std::io::Write as _;
use std::process::{Command, Stdio};

use wire::codec::Codec;

/// Three encodings of simulcast, lowest first.
pub(crate) const SIZES: [(u16, u16); 3] = [(64, 36), (96, 54), (128, 72)];
/// Pictures from one keyframe to the next, if nobody asks for one: longer than a viewer mostly waits for another layer.
pub(crate) const GROUP: usize = 16;
/// Pictures in a clip; then it begins anew, with a keyframe.
const LENGTH: usize = 4 * GROUP;
/// Temporal layers of VP8 and VP9, as the encoder is asked for them: the third picture is of the middle layer, the two beside it of the highest.
const TEMPORAL: [u8; 4] = [0, 2, 1, 2];

/// One picture as the encoder wrote it.
#[derive(Clone)]
pub(crate) struct Picture {
    /// A frame (VP8, VP9), an access unit with start codes (H.264), a temporal unit (AV1).
    pub(crate) data: Vec<u8>,
    pub(crate) temporal: u8,
    pub(crate) key: bool,
    /// Nothing of its own temporal layer, or of those above the lowest, is needed to show it.
    pub(crate) sync: bool,
}

/// Encodes a clip.
pub(crate) fn encode(codec: Codec, (width, height): (u16, u16)) -> Vec<Picture> {
    let input = format!("testsrc2=size={width}x{height}:rate=30,noise=alls=12:allf=t");
    let mut arguments = vec!["-v", "error", "-f", "lavfi", "-i", &input, "-pix_fmt", "yuv420p", "-frames:v"];
    let (length, group) = (LENGTH.to_string(), GROUP.to_string());
    arguments.extend([&*length, "-g", &*group, "-keyint_min", &*group, "-b:v", "150k", "-threads", "1"]);
    arguments.extend(encoder(codec));
    let stream = ffmpeg(&arguments, &[]).0;
    let units = if codec == Codec::H264 { access_units(&stream) } else { frames_of_ivf(&stream) };
    assert_eq!(units.len(), LENGTH, "{codec:?}");
    let layered = matches!(codec, Codec::Vp8 | Codec::Vp9);
    let picture = |(nth, data): (usize, Vec<u8>)| {
        let temporal = if layered { TEMPORAL[nth % 4] } else { 0 };
        Picture { data, temporal, key: nth % GROUP == 0, sync: nth % 4 != 3 }
    };
    units.into_iter().enumerate().map(picture).collect()
}

fn encoder(codec: Codec) -> Vec<&'static str> {
    const LAYERS: &str = "ts_number_layers=3:ts_target_bitrate=50,100,150:ts_rate_decimator=4,2,1:ts_periodicity=4:\
        ts_layer_id=0,2,1,2:ts_layering_mode=3";
    const VPX: [&str; 12] =
        ["-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-qmin", "30", "-ts-parameters", LAYERS, "-f", "ivf"];
    match codec {
        Codec::Vp8 => [&["-c:v", "libvpx", "-error-resilient", "default"][..], &VPX, &["-"]].concat(),
        Codec::Vp9 => [&["-c:v", "libvpx-vp9", "-error-resilient", "1"][..], &VPX, &["-"]].concat(),
        Codec::Av1 => {
            vec!["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-f", "ivf", "-"]
        }
        Codec::H264 => {
            let x264 = "scenecut=0:repeat-headers=1:annexb=1:aud=1";
            vec![
                "-c:v",
                "libx264",
                "-profile:v",
                "baseline",
                "-tune",
                "zerolatency",
                "-preset",
                "ultrafast",
                "-x264-params",
                x264,
                "-f",
                "h264",
                "-",
            ]
        }
        other => unreachable!("{other:?} is sound"),
    }
}

/// Runs ffmpeg, which is given `input`. Returns what it wrote, and what it complained about.
pub(crate) fn ffmpeg(arguments: &[&str], input: &[u8]) -> (Vec<u8>, String) {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin"]).args(arguments);
    let process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut process = process.expect("ffmpeg is installed (tests/run installs it)");
    let mut stdin = process.stdin.take().expect("stdin was asked for");
    let output = std::thread::scope(|scope| {
        // It stops reading when it has seen enough.
        scope.spawn(move || drop(stdin.write_all(input)));
        process.wait_with_output().expect("ffmpeg ends")
    });
    (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
}

const IVF_HEADER: usize = 32;
const IVF_FRAME_HEADER: usize = 12;

fn frames_of_ivf(file: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &file[IVF_HEADER..];
    let mut frames = Vec::new();
    while let Some((len, _)) = rest.split_first_chunk::<4>() {
        let (frame, next) = rest[IVF_FRAME_HEADER..].split_at(u32::from_le_bytes(*len) as usize);
        frames.push(frame.to_vec());
        rest = next;
    }
    frames
}

/// A file of pictures, one frame each.
pub(crate) fn ivf(codec: Codec, pictures: &[Vec<u8>]) -> Vec<u8> {
    let name = match codec {
        Codec::Vp8 => b"VP80",
        Codec::Vp9 => b"VP90",
        _ => b"AV01",
    };
    let (width, height) = SIZES[2];
    let mut file = [&b"DKIF"[..], &[0, 0, 32, 0], name].concat();
    file.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
    file.extend([30u32.to_le_bytes(), 1u32.to_le_bytes(), (pictures.len() as u32).to_le_bytes(), [0; 4]].concat());
    for (nth, picture) in pictures.iter().enumerate() {
        file.extend((picture.len() as u32).to_le_bytes());
        file.extend((nth as u64).to_le_bytes());
        file.extend(picture);
    }
    file
}

/// Splits at access unit delimiters, and drops them: they are not sent.
fn access_units(stream: &[u8]) -> Vec<Vec<u8>> {
    const DELIMITER: [u8; 5] = [0, 0, 0, 1, 9];
    const DELIMITER_LEN: usize = 6;
    let starts: Vec<usize> = (0..stream.len()).filter(|&at| stream[at..].starts_with(&DELIMITER)).collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    starts.iter().zip(ends).map(|(&start, end)| stream[start + DELIMITER_LEN..end].to_vec()).collect()
}
