#include "numgeom/arithmetic/summation.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace numgeom {
namespace {

// The sums below are of scalars or of tiles: arrays of neighbouring columns, added lane by lane.

template <class V>
class SequentialSum {
 public:
  explicit SequentialSum(const V& zero) : sum_(zero) {}
  void add(const V& x) { sum_ += x; }
  V total() { return sum_; }

 private:
  V sum_;
};

template <class V>
class PairwiseSum {
 public:
  explicit PairwiseSum(const V& zero) : zero_(zero), block_(zero) {}

  void add(const V& x) {
    block_ += x;
    if (++terms_ % kBlock == 0) push();
  }
  V total() {
    if (terms_ % kBlock != 0 || terms_ == 0) push();
    V sum = sums_[--height_];
    while (height_ > 0) sum = sums_[--height_] + sum;
    return sum;
  }

 private:
  static constexpr std::uint64_t kBlock = 8;
  static constexpr std::size_t kMostSums = 61;

  /// Counts a block; every carry of the counter adds two sums of equal size.
  void push() {
    for (std::uint64_t carries = blocks_++; (carries & 1U) != 0; carries >>= 1U)
      block_ = sums_[--height_] + block_;
    sums_[height_++] = block_;
    block_ = zero_;
  }

  V zero_;
  V block_;
  std::uint64_t terms_ = 0;
  std::uint64_t blocks_ = 0;
  std::size_t height_ = 0;
  std::array<V, kMostSums> sums_;
};

template <class V>
class KahanSum {
 public:
  explicit KahanSum(const V& zero) : sum_(zero), compensation_(zero) {}
  void add(const V& x) {
    const V corrected = x - compensation_;
    const V next = sum_ + corrected;
    compensation_ = (next - sum_) - corrected;
    sum_ = next;
  }
  V total() { return sum_; }

 private:
  V sum_;
  V compensation_;
};

/// Columns that are summed side by side.
template <class T>
constexpr Eigen::Index kWidth = 256 / sizeof(T);
template <class T>
using Tile = Eigen::Array<T, kWidth<T>, 1>;
/// Some columns of the right factor, one row of it after the other, filled up with zeros.
template <class T>
using Panel = Eigen::Array<T, kWidth<T>, Eigen::Dynamic>;

/// Row-major entries with any strides.
template <class T>
struct View {
  const T* entries;
  Eigen::Index rows;
  Eigen::Index cols;
  Eigen::Index row_stride;
  Eigen::Index col_stride;

  explicit View(const Matrix<T>& x)
      : entries(x.data()), rows(x.rows()), cols(x.cols()), row_stride(x.cols()), col_stride(1) {}
  [[nodiscard]] View transposed() const {
    View result = *this;
    std::swap(result.rows, result.cols);
    std::swap(result.row_stride, result.col_stride);
    return result;
  }
  const T& operator()(Eigen::Index i, Eigen::Index j) const {
    return entries[i * row_stride + j * col_stride];
  }
};

template <class T>
void pack(const View<T>& b, Eigen::Index first, Panel<T>& panel) {
  const Eigen::Index width = std::min(kWidth<T>, b.cols - first);
  panel.setZero(kWidth<T>, b.rows);
  for (Eigen::Index p = 0; p < b.rows; ++p)
    for (Eigen::Index j = 0; j < width; ++j) panel(j, p) = b(p, first + j);
}

template <template <class> class Sum, class T>
void multiply(const View<T>& a, const View<T>& b, Matrix<T>& result) {
  result.resize(a.rows, b.cols);
  Panel<T> panel;
  for (Eigen::Index first = 0; first < b.cols; first += kWidth<T>) {
    pack(b, first, panel);
    const Eigen::Index width = std::min(kWidth<T>, b.cols - first);
    for (Eigen::Index i = 0; i < a.rows; ++i) {
      Sum<Tile<T>> sum{Tile<T>::Zero()};
      for (Eigen::Index p = 0; p < a.cols; ++p) sum.add(a(i, p) * panel.col(p));
      const Tile<T> total = sum.total();
      std::copy_n(total.data(), width, result.row(i).data() + first);
    }
  }
}

template <class T>
void multiply(Summation order, const View<T>& a, const View<T>& b, Matrix<T>& result) {
  switch (order) {
    case Summation::kPairwise:
      return multiply<PairwiseSum>(a, b, result);
    case Summation::kKahan:
      return multiply<KahanSum>(a, b, result);
    case Summation::kSequential:
    case Summation::kBlocked:
      return multiply<SequentialSum>(a, b, result);
  }
}

template <template <class> class Sum, class T>
T sum_of(const T* x, Eigen::Index size) {
  Sum<T> sum{T(0)};
  for (Eigen::Index i = 0; i < size; ++i) sum.add(x[i]);
  return sum.total();
}

}  // namespace

template <class T>
void ordered_product(Summation order, const Matrix<T>& a, const Matrix<T>& b, Matrix<T>& result) {
  multiply(order, View(a), View(b), result);
}

template <class T>
void ordered_product_tn(Summation order, const Matrix<T>& a, const Matrix<T>& b,
                        Matrix<T>& result) {
  multiply(order, View(a).transposed(), View(b), result);
}

template <class T>
void ordered_product_nt(Summation order, const Matrix<T>& a, const Matrix<T>& b,
                        Matrix<T>& result) {
  multiply(order, View(a), View(b).transposed(), result);
}

template <class T>
void ordered_column_sums(Summation order, const Matrix<T>& x, Matrix<T>& result) {
  // 1·x is exact.
  const Matrix<T> ones = Matrix<T>::Ones(1, x.rows());
  multiply(order, View(ones), View(x), result);
}

template <class T>
T ordered_sum(Summation order, const T* x, Eigen::Index size) {
  switch (order) {
    case Summation::kPairwise:
      return sum_of<PairwiseSum>(x, size);
    case Summation::kKahan:
      return sum_of<KahanSum>(x, size);
    case Summation::kSequential:
    case Summation::kBlocked:
      break;
  }
  return sum_of<SequentialSum>(x, size);
}

template void ordered_product(Summation, const Matrix<float>&, const Matrix<float>&,
                              Matrix<float>&);
template void ordered_product(Summation, const Matrix<double>&, const Matrix<double>&,
                              Matrix<double>&);
template void ordered_product_tn(Summation, const Matrix<float>&, const Matrix<float>&,
                                 Matrix<float>&);
template void ordered_product_tn(Summation, const Matrix<double>&, const Matrix<double>&,
                                 Matrix<double>&);
template void ordered_product_nt(Summation, const Matrix<float>&, const Matrix<float>&,
                                 Matrix<float>&);
template void ordered_product_nt(Summation, const Matrix<double>&, const Matrix<double>&,
                                 Matrix<double>&);
template void ordered_column_sums(Summation, const Matrix<float>&, Matrix<float>&);
template void ordered_column_sums(Summation, const Matrix<double>&, Matrix<double>&);
template float ordered_sum(Summation, const float*, Eigen::Index);
template double ordered_sum(Summation, const double*, Eigen::Index);

}  // namespace numgeom
