// Pictures in place of points, where the map is so near that they have room.

const MAX_ON_MAP = 40; // pictures at once; more would be small
const SIDES_ON_MAP = [30, 88]; // pixels of the longer side, from the smallest that tells something
const NO_PICTURES = { images: [], side: 0 };

class MapPictures {
  /**
   * @param {Pictures} pictures
   * @param {() => void} onLoad
   */
  constructor(pictures, onLoad) {
    this.pictures = pictures;
    this.onLoad = onLoad;
    /** @type {Map<number, HTMLImageElement>} */
    this.loaded = new Map();
  }

  /** Forget all: the numbers of images mean others from now on. */
  clear() {
    this.loaded.clear();
  }

  /**
   * The images that are shown as pictures, and the side of these; none while points are too near.
   * @param {MapPoints} points
   * @param {MapView} view
   * @returns {{ images: number[], side: number }}
   */
  choose(points, view) {
    const [left, top] = view.toWorld(0, 0);
    const [right, bottom] = view.toWorld(view.width, view.height);
    const images = [];
    for (let image = 0; image < points.n; image++) {
      const x = points.x[image];
      const y = points.y[image];
      if (!(x > left && x < right && y > top && y < bottom)) continue;
      images.push(image);
      if (images.length > MAX_ON_MAP) return NO_PICTURES;
    }
    const room = (image) =>
      Math.min(
        ...images.map((other) => {
          const apart = Math.hypot(
            points.x[other] - points.x[image],
            points.y[other] - points.y[image],
          );
          return other === image ? Infinity : apart * view.scale;
        }),
      );
    const rooms = images.map(room).sort((one, other) => one - other);
    const side = Math.min(SIDES_ON_MAP[1], 0.9 * (rooms[rooms.length >> 1] ?? 0));
    return side < SIDES_ON_MAP[0] ? NO_PICTURES : { images, side };
  }

  /** Draw the pictures that are there; points stay where there is none yet. */
  paint(context, points, view, { images, side }) {
    for (const image of images) {
      const img = this.get(image);
      if (!img) continue;
      const scale = side / Math.max(img.naturalWidth, img.naturalHeight);
      const [width, height] = [img.naturalWidth * scale, img.naturalHeight * scale];
      const [x, y] = view.toPixels(points.x[image], points.y[image]);
      context.drawImage(img, x - width / 2, y - height / 2, width, height);
      if (!points.group[image]) continue;
      context.strokeStyle = GROUP_COLORS[points.color[image] - 1];
      context.lineWidth = 3;
      context.strokeRect(x - width / 2, y - height / 2, width, height);
    }
  }

  /** The picture of an image, decoded; undefined until it is. */
  get(image) {
    const url = this.pictures.get(image, thumbnailSide())?.url;
    if (!this.loaded.has(image) && url) {
      const img = new Image();
      img.onload = this.onLoad;
      img.src = url;
      this.loaded.set(image, img);
    }
    const img = this.loaded.get(image);
    return img?.complete && img.naturalWidth ? img : undefined;
  }
}
