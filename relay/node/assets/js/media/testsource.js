// A moving test picture and a quiet tone, so that a machine without a camera or microphone still shows the meeting working.

import { nameHash } from '../stage/avatar.js';
import { t } from '../words/i18n.js';

/** Three simulcast layers need at least 960 by 540. */
const WIDTH = 960;
const HEIGHT = 540;
const FRAMES_PER_SECOND = 15;
const BARS = ['#e8eeee', '#d9c76a', '#67b7bd', '#6fae7c', '#b58bb8', '#c2685f', '#4f6fae'];
/** A pentatonic scale, Hz: several people's tones together stay bearable. */
const TONES = [261.63, 293.66, 329.63, 392.0, 440.0, 523.25];
const TONE_GAIN = 0.04;
const PULSES_PER_SECOND = 0.8;

/** @type {AudioContext|null} */
let shared = null;

/** The page's one audio context. It may be suspended until the person first clicks or presses a key. */
export function audioContext() {
  if (!shared) {
    const context = new AudioContext();
    shared = context;
    const resume = () => void context.resume();
    for (const type of ['pointerdown', 'keydown']) addEventListener(type, resume, { capture: true });
  }
  return shared;
}

/**
 * @param {() => string} name  asked for each frame, since it is typed while the picture runs
 * @returns {MediaStreamTrack}  `stop()` ends the drawing too
 */
export function testPicture(name) {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext('2d', { alpha: false });
  let frame = 0;
  const timer = setInterval(() => {
    frame += 1;
    if (context) draw(context, name(), frame);
  }, 1000 / FRAMES_PER_SECOND);
  if (context) draw(context, name(), frame);
  const track = canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks()[0];
  return stoppable(track, () => clearInterval(timer));
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} name
 * @param {number} frame
 */
function draw(context, name, frame) {
  const hue = nameHash(name) % 360;
  context.fillStyle = `hsl(${hue} 38% 24%)`;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  BARS.forEach((colour, i) => {
    context.fillStyle = colour;
    context.fillRect((i * WIDTH) / BARS.length, 0, WIDTH / BARS.length + 1, 64);
  });
  const x = WIDTH / 2 + Math.sin(frame / 22) * (WIDTH / 2 - 70);
  context.fillStyle = `hsl(${hue} 45% 62%)`;
  context.beginPath();
  context.arc(x, HEIGHT - 96, 44, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = '#ffffff';
  context.textAlign = 'center';
  context.font = '600 68px "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
  context.fillText(name, WIDTH / 2, 214, WIDTH - 80);
  context.font = '44px ui-monospace, Consolas, "Liberation Mono", monospace';
  context.fillText(clock(new Date()), WIDTH / 2, 292);
  context.font = '500 26px "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
  context.fillStyle = '#ffffffc0';
  context.fillText(t('test_picture'), WIDTH / 2, 340);
}

/** @param {Date} now */
function clock(now) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const tenths = Math.floor(now.getMilliseconds() / 100);
  return `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}.${tenths}`;
}

/**
 * @param {string} name  decides the pitch, so that people can be told apart
 * @returns {MediaStreamTrack}
 */
export function testTone(name) {
  const context = audioContext();
  const tone = new OscillatorNode(context, { frequency: TONES[nameHash(name) % TONES.length] });
  const pulse = new OscillatorNode(context, { frequency: PULSES_PER_SECOND });
  const depth = new GainNode(context, { gain: TONE_GAIN / 2 });
  const gain = new GainNode(context, { gain: TONE_GAIN / 2 });
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  pulse.connect(depth).connect(gain.gain);
  tone.connect(gain).connect(out);
  tone.start();
  pulse.start();
  return stoppable(out.stream.getAudioTracks()[0], () => {
    tone.stop();
    pulse.stop();
    gain.disconnect();
  });
}

/**
 * Lets `track.stop()` also stop what feeds the track: no event tells of it.
 * @param {MediaStreamTrack} track
 * @param {() => void} also
 */
function stoppable(track, also) {
  const stop = track.stop.bind(track);
  track.stop = () => {
    also();
    stop();
  };
  return track;
}
