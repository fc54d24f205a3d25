// A short chime, made of two tones: no file to load. Browsers play nothing before the first press or key on the page.
let audio: AudioContext | null = null;

export function playChime(): void {
  if (typeof AudioContext === 'undefined') return;
  audio ??= new AudioContext();
  void audio.resume();
  const begin = audio.currentTime + 0.02;
  for (const [at, frequency] of [
    [0, 880],
    [0.16, 1318.5],
  ] as const) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.0001, begin + at);
    volume.gain.exponentialRampToValueAtTime(0.25, begin + at + 0.015);
    volume.gain.exponentialRampToValueAtTime(0.0001, begin + at + 0.35);
    tone.connect(volume).connect(audio.destination);
    tone.start(begin + at);
    tone.stop(begin + at + 0.4);
  }
}

// Many alerts may fire together, and many tabs may be open: one chime tells of all.
const apart = 1000;

export function chimeOnce(): void {
  const play = async (isFirst: boolean): Promise<void> => {
    if (!isFirst) return;
    playChime();
    await new Promise((done) => setTimeout(done, apart));
  };
  // Only a page that was loaded by https, or from this computer, has locks.
  if (navigator.locks === undefined) playChime();
  else void navigator.locks.request('pricewire.chime', { ifAvailable: true }, (lock) => play(lock !== null));
}
