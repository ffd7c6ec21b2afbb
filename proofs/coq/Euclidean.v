(** R^n and matrices with their Euclidean (Frobenius) norm: an instance of all that is proved of
    inner products, and the norm balls of proofs/norm_bounds.md, lemma 1,

        ||A B - C~|| <= ||A~|| r_B + r_A (||B~|| + r_B) + g ||A~|| ||B~|| + N n eta     (N entries).

    Relied on by `NormBall` (include/numgeom/arithmetic/norm_ball.hpp). *)

From Coq Require Import Reals Lra Lia FunctionalExtensionality.
From Coquelicot Require Import Coquelicot.
From NumGeom Require Import Sums MeanValue InnerProduct.
Local Open Scope R_scope.

(** ** Real functions on any set as a module *)

Section Functions.
Variable I : Type.

Definition functions_group_mixin : AbelianGroup.mixin_of (I -> R).
Proof.
  apply (AbelianGroup.Mixin (I -> R) (fun x y i => x i + y i) (fun x i => - x i) (fun _ => 0));
    intros; apply functional_extensionality; intros i; ring.
Defined.

Definition functions_group : AbelianGroup :=
  AbelianGroup.Pack (I -> R) functions_group_mixin (I -> R).

Definition functions_module_mixin : ModuleSpace.mixin_of R_Ring functions_group.
Proof.
  apply (ModuleSpace.Mixin R_Ring functions_group (fun k x i => k * x i));
    intros; apply functional_extensionality; intros i.
  - apply (eq_sym (Rmult_assoc x y (u i))).
  - apply Rmult_1_l.
  - apply Rmult_plus_distr_l.
  - apply Rmult_plus_distr_r.
Defined.

Definition functions : ModuleSpace R_Ring :=
  ModuleSpace.Pack R_Ring (I -> R) (ModuleSpace.Class _ _ _ functions_module_mixin) (I -> R).
End Functions.

(** What lies behind the first n entries, or behind m rows and n columns, counts for nothing. *)
Definition vectors := functions nat.
Definition matrices := functions (nat * nat).

Definition euclidean (n : nat) (x y : vectors) : R := sum_below (fun k => x k * y k) n.

Definition frobenius (m n : nat) (A B : matrices) : R :=
  sum_below (fun i => sum_below (fun j => A (i, j) * B (i, j)) n) m.

Theorem euclidean_positive (n : nat) : positive_form (euclidean n).
Proof.
  split; unfold euclidean.
  - intros x y. apply sum_below_ext. intros. apply Rmult_comm.
  - intros x y z. rewrite <- sum_below_plus. apply sum_below_ext. intros k _.
    change (plus x y k) with (x k + y k). ring.
  - intros k x y. rewrite <- sum_below_scal. apply sum_below_ext. intros j _.
    change (scal k x j) with (k * x j). ring.
  - intros x. apply sum_below_nonneg. intros k _. apply Rle_0_sqr.
Qed.

Theorem frobenius_positive (m n : nat) : positive_form (frobenius m n).
Proof.
  split; unfold frobenius.
  - intros x y. apply sum_below_ext. intros. apply sum_below_ext. intros. apply Rmult_comm.
  - intros x y z. rewrite <- sum_below_plus. apply sum_below_ext. intros i _.
    rewrite <- sum_below_plus. apply sum_below_ext. intros j _.
    change (plus x y (i, j)) with (x (i, j) + y (i, j)). ring.
  - intros k x y. rewrite <- sum_below_scal. apply sum_below_ext. intros i _.
    rewrite <- sum_below_scal. apply sum_below_ext. intros j _.
    change (scal k x (i, j)) with (k * x (i, j)). ring.
  - intros x. apply sum_below_nonneg. intros i _. apply sum_below_nonneg. intros j _.
    apply Rle_0_sqr.
Qed.

Definition norm_of (m n : nat) (A : matrices) : R := length (frobenius m n) A.

(** An m x n matrix by one of l columns. *)
Definition product (n : nat) (A B : matrices) : matrices :=
  fun ij => sum_below (fun k => A (fst ij, k) * B (k, snd ij)) n.

Lemma norm_of_seminorm m n : seminorm (norm_of m n).
Proof. apply length_is_seminorm, frobenius_positive. Qed.

(** Greater entries, greater norm. *)
Lemma norm_of_monotone m n (A B : matrices) :
  (forall i j, (i < m)%nat -> (j < n)%nat -> Rabs (A (i, j)) <= B (i, j)) ->
  norm_of m n A <= norm_of m n B.
Proof.
  intros H. apply sqrt_le_1_alt. unfold frobenius.
  apply sum_below_le. intros i Hi. apply sum_below_le. intros j Hj.
  specialize (H i j Hi Hj). pose proof (Rabs_pos (A (i, j))).
  replace (A (i, j) * A (i, j)) with (Rabs (A (i, j)) * Rabs (A (i, j)))
    by (rewrite <- Rabs_mult; apply Rabs_pos_eq, Rle_0_sqr).
  apply Rmult_le_compat; lra.
Qed.

Theorem frobenius_product (m n l : nat) (A B : matrices) :
  norm_of m l (product n A B) <= norm_of m n A * norm_of n l B.
Proof.
  pose proof (frobenius_positive m n) as HA. pose proof (frobenius_positive n l) as HB.
  pose proof (length_nonneg (frobenius m n) A) as PA.
  pose proof (length_nonneg (frobenius n l) B) as PB.
  apply length_le; [now apply Rmult_le_pos|].
  replace (norm_of m n A * norm_of n l B * (norm_of m n A * norm_of n l B))
    with (norm_of m n A * norm_of m n A * (norm_of n l B * norm_of n l B)) by ring.
  unfold norm_of. rewrite (length_square _ HA), (length_square _ HB).
  unfold frobenius at 3. rewrite sum_below_swap.
  unfold frobenius. rewrite <- sum_below_scal_r. apply sum_below_le. intros i _.
  rewrite <- sum_below_scal. apply sum_below_le. intros j _.
  exact (cauchy_schwarz (euclidean n) (euclidean_positive n)
           (fun k => A (i, k)) (fun k => B (k, j))).
Qed.

Lemma norm_of_constant m n c : 0 <= c -> norm_of m n (fun _ => c) <= INR (m * n) * c.
Proof.
  intros Hc. apply length_le; [apply Rmult_le_pos; [apply pos_INR | exact Hc]|].
  unfold frobenius.
  rewrite (sum_below_ext _ (fun _ => INR n * (c * c))) by (intros; apply sum_below_const).
  rewrite sum_below_const, <- Rmult_assoc, <- mult_INR.
  set (N := (m * n)%nat).
  assert (HN : INR N <= INR N * INR N).
  { rewrite <- mult_INR. apply le_INR. nia. }
  assert (0 <= c * c) by nra. nra.
Qed.

(** The product of two norm balls. *)
Theorem norm_ball_product (m n l : nat) (A mA B mB C : matrices) (rA rB g eta : R) :
  0 <= g -> 0 <= eta ->
  norm_of m n (minus A mA) <= rA -> norm_of n l (minus B mB) <= rB ->
  (forall i j, (i < m)%nat -> (j < l)%nat ->
     Rabs (product n mA mB (i, j) - C (i, j)) <=
     g * sum_below (fun k => Rabs (mA (i, k)) * Rabs (mB (k, j))) n + INR n * eta) ->
  norm_of m l (minus (product n A B) C) <=
  norm_of m n mA * rB + rA * (norm_of n l mB + rB) + g * norm_of m n mA * norm_of n l mB +
  INR (m * l) * (INR n * eta).
Proof.
  intros Hg He HA HB HC.
  pose proof (norm_of_seminorm m l) as Nml. pose proof (norm_of_seminorm n l) as Nnl.
  pose proof (length_nonneg (frobenius m n) mA) as PA. fold (norm_of m n mA) in PA.
  pose proof (length_nonneg (frobenius n l) mB) as PB. fold (norm_of n l mB) in PB.
  pose proof (length_nonneg (frobenius m n) (minus A mA)) as PdA.
  fold (norm_of m n (minus A mA)) in PdA.
  pose proof (length_nonneg (frobenius n l) (minus B mB)) as PdB.
  fold (norm_of n l (minus B mB)) in PdB.
  set (absolute := fun X : matrices => (fun ij => Rabs (X ij)) : matrices).
  assert (Habs : forall p q X, norm_of p q (absolute X) <= norm_of p q X).
  { intros p q X. unfold norm_of, length, frobenius. apply sqrt_le_1_alt.
    apply sum_below_le. intros i _. apply sum_below_le. intros j _. unfold absolute. right.
    rewrite <- Rabs_mult. apply Rabs_pos_eq, Rle_0_sqr. }
  assert (Hsplit : minus (product n A B) C =
    plus (plus (product n mA (minus B mB)) (product n (minus A mA) B)) (minus (product n mA mB) C)).
  { apply functional_extensionality. intros [i j].
    change (product n A B (i, j) - C (i, j) =
      (product n mA (minus B mB) (i, j) + product n (minus A mA) B (i, j)) +
      (product n mA mB (i, j) - C (i, j))).
    enough (product n A B (i, j) = product n mA (minus B mB) (i, j) +
      product n (minus A mA) B (i, j) + product n mA mB (i, j)) by lra.
    unfold product; simpl. rewrite <- !sum_below_plus. apply sum_below_ext. intros k _.
    change (minus B mB (k, j)) with (B (k, j) - mB (k, j)).
    change (minus A mA (i, k)) with (A (i, k) - mA (i, k)). ring. }
  rewrite Hsplit.
  eapply Rle_trans; [apply (seminorm_plus _ Nml)|].
  assert (H1 : norm_of m l (product n mA (minus B mB)) <= norm_of m n mA * rB).
  { eapply Rle_trans; [apply frobenius_product|]. now apply Rmult_le_compat_l. }
  assert (HnB : norm_of n l B <= norm_of n l mB + rB).
  { replace B with (plus mB (minus B mB) : matrices).
    - eapply Rle_trans; [apply (seminorm_plus _ Nnl)|]. now apply Rplus_le_compat_l.
    - apply functional_extensionality. intros ij.
      change (mB ij + (B ij - mB ij) = B ij). ring. }
  assert (H2 : norm_of m l (product n (minus A mA) B) <= rA * (norm_of n l mB + rB)).
  { eapply Rle_trans; [apply frobenius_product|].
    apply Rmult_le_compat; [exact PdA | apply length_nonneg | exact HA | exact HnB]. }
  assert (H3 : norm_of m l (minus (product n mA mB) C) <=
               g * (norm_of m n mA * norm_of n l mB) + INR (m * l) * (INR n * eta)).
  { apply Rle_trans with (norm_of m l
      (plus (scal g (product n (absolute mA) (absolute mB))) (fun _ => INR n * eta))).
    - apply norm_of_monotone. exact HC.
    - eapply Rle_trans; [apply (seminorm_plus _ Nml)|]. apply Rplus_le_compat.
      + rewrite (seminorm_scal _ Nml), (Rabs_pos_eq g Hg).
        apply Rmult_le_compat_l; [exact Hg|].
        eapply Rle_trans; [apply frobenius_product|].
        apply Rmult_le_compat; try apply length_nonneg; apply Habs.
      + apply norm_of_constant. apply Rmult_le_pos; [apply pos_INR | exact He]. }
  pose proof (seminorm_plus _ Nml (product n mA (minus B mB)) (product n (minus A mA) B)). lra.
Qed.
