(** Lemmas 1 and 4 of proofs/stepwise.md: how far the outputs of a layer move where its inputs move
    by e and its weights by rho,

        ||A' W' - A W|| <= (s + rho) e + rho ||A||,      s >= ||W||_2,

    activations that are 1-Lipschitz, and the factor of S, Q Q^T = diag p - p p^T (2 - sum p).

    Relied on by `output_deviations` (include/numgeom/shadow/step_lipschitz.hpp) and the
    Gauss-Newton part (src/shadow/gauss_newton_part.cpp). *)

From Coq Require Import Reals Lra Lia Arith FunctionalExtensionality.
From Coquelicot Require Import Coquelicot.
From NumGeom Require Import Sums MeanValue InnerProduct Euclidean Softmax.
Local Open Scope R_scope.

(** Rows of inputs with a column of ones, weights with a row of biases: then the last column of
    A' - A is zero, and s need only bound W without the biases. *)
Theorem dense_deviation (m n l : nat) (A A' W W' : matrices) (s rho e a : R) :
  0 <= rho ->
  norm_of m n (minus A' A) <= e -> norm_of m n A <= a ->
  norm_of n l (minus W' W) <= rho ->
  norm_of m l (product n (minus A' A) W) <= s * e ->
  norm_of m l (minus (product n A' W') (product n A W)) <= (s + rho) * e + rho * a.
Proof.
  intros Hrho He Ha HW Hs.
  pose proof (norm_of_seminorm m l) as N.
  assert (Hsplit : minus (product n A' W') (product n A W) =
    plus (plus (product n (minus A' A) W) (product n (minus A' A) (minus W' W)))
         (product n A (minus W' W))).
  { apply functional_extensionality. intros [i j].
    change (product n A' W' (i, j) - product n A W (i, j) =
      product n (minus A' A) W (i, j) + product n (minus A' A) (minus W' W) (i, j) +
      product n A (minus W' W) (i, j)).
    unfold product; simpl. rewrite <- sum_below_minus, <- !sum_below_plus.
    apply sum_below_ext. intros k _.
    change (minus W' W (k, j)) with (W' (k, j) - W (k, j)).
    change (minus A' A (i, k)) with (A' (i, k) - A (i, k)). ring. }
  rewrite Hsplit.
  eapply Rle_trans; [apply (seminorm_plus _ N)|].
  pose proof (seminorm_plus _ N (product n (minus A' A) W) (product n (minus A' A) (minus W' W))).
  assert (H2 : norm_of m l (product n (minus A' A) (minus W' W)) <= e * rho).
  { eapply Rle_trans; [apply frobenius_product|]. apply Rmult_le_compat; try apply length_nonneg;
      assumption. }
  assert (H3 : norm_of m l (product n A (minus W' W)) <= a * rho).
  { eapply Rle_trans; [apply frobenius_product|]. apply Rmult_le_compat; try apply length_nonneg;
      assumption. }
  lra.
Qed.

Definition entrywise (f : R -> R) (A : matrices) : matrices := fun ij => f (A ij).

(** A 1-Lipschitz activation moves outputs no farther than inputs. *)
Theorem activation_deviation (m n : nat) (f : R -> R) (A A' : matrices) :
  (forall x y, Rabs (f x - f y) <= Rabs (x - y)) ->
  norm_of m n (minus (entrywise f A') (entrywise f A)) <= norm_of m n (minus A' A).
Proof.
  intros Hf. apply sqrt_le_1_alt. unfold frobenius.
  apply sum_below_le. intros i _. apply sum_below_le. intros j _.
  change (minus (entrywise f A') (entrywise f A) (i, j)) with (f (A' (i, j)) - f (A (i, j))).
  change (minus A' A (i, j)) with (A' (i, j) - A (i, j)).
  specialize (Hf (A' (i, j)) (A (i, j))).
  pose proof (Rabs_pos (f (A' (i, j)) - f (A (i, j)))).
  assert (Hsq : forall x, x * x = Rabs x * Rabs x)
    by (intros x; rewrite <- Rabs_mult; symmetry; apply Rabs_pos_eq, Rle_0_sqr).
  rewrite (Hsq (f _ - _)), (Hsq (A' _ - _)). apply Rmult_le_compat; assumption.
Qed.

Lemma relu_lipschitz x y : Rabs (Rmax 0 x - Rmax 0 y) <= Rabs (x - y).
Proof. unfold Rmax. repeat destruct Rle_dec; split_Rabs; lra. Qed.

(** (diag p^(1/2) - p (p^(1/2))^T)_ik. *)
Definition factor (p : nat -> R) (i k : nat) : R :=
  (if (k =? i)%nat then sqrt (p i) else 0) - p i * sqrt (p k).

Lemma sum_at (K i : nat) (f : nat -> R) :
  (i < K)%nat -> sum_below (fun k => if (k =? i)%nat then f k else 0) K = f i.
Proof.
  intros Hi. pose proof (sum_others K i f Hi) as H.
  rewrite (sum_below_ext _ (fun k => f k - others i f k)).
  - rewrite sum_below_minus, H. ring.
  - intros k _. unfold others. destruct (k =? i)%nat; ring.
Qed.

Theorem factor_of_softmax_form (K : nat) (p : nat -> R) (i j : nat) :
  (i < K)%nat -> (j < K)%nat -> (forall k, (k < K)%nat -> 0 <= p k) ->
  sum_below (fun k => factor p i k * factor p j k) K =
  (if (j =? i)%nat then p i else 0) - p i * p j * (2 - sum_below p K).
Proof.
  intros Hi Hj Hp.
  assert (Hsq : forall k, (k < K)%nat -> sqrt (p k) * sqrt (p k) = p k)
    by (intros; apply sqrt_sqrt, Hp; assumption).
  rewrite (sum_below_ext _ (fun k =>
    (if (k =? i)%nat then (if (j =? i)%nat then p k else 0) - p j * p k else 0) -
    (if (k =? j)%nat then p i * p k else 0) + p i * p j * p k)).
  - rewrite sum_below_plus, sum_below_minus, sum_below_scal.
    rewrite (sum_at K i (fun k => (if (j =? i)%nat then p k else 0) - p j * p k) Hi).
    rewrite (sum_at K j (fun k => p i * p k) Hj). ring.
  - intros k Hk.
    assert (Hf : forall r, factor p r k = sqrt (p k) * ((if (k =? r)%nat then 1 else 0) - p r)).
    { intros r. unfold factor. destruct (Nat.eqb_spec k r) as [->|_]; ring. }
    rewrite !Hf.
    match goal with |- ?q * ?x * (?q * ?y) = _ =>
      replace (q * x * (q * y)) with (q * q * (x * y)) by ring
    end.
    rewrite (Hsq k Hk).
    destruct (Nat.eqb_spec k i), (Nat.eqb_spec k j), (Nat.eqb_spec j i); subst;
      try ring; congruence.
Qed.
